"""Which host names are this door's, and which pages may speak through it."""

import re
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
HIGHEST_PORT = 65_535
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([0-9]{1,5}))?")


def host_name(header: str | None) -> str | None:
    """The name in a Host header, lower case, without its port; None: it is none."""
    found = _HOST.fullmatch(header.lower()) if header is not None else None
    return found[1] if found and int(found[2] or 0) <= HIGHEST_PORT else None


@dataclass(frozen=True)
class Names:
    """The names that mean this door: `known` and, with a `domain`, all below it; and the proxies that it believes."""

    known: Collection[str]
    domain: str | None = None
    proxies: Container[str] = ()

    def trusted(self, name: str) -> bool:
        """Whether a request to this name is meant for this door."""
        within = self.domain is not None and name.endswith(f".{self.domain.lower()}")
        return "*" in self.known or name in self.known or within

    def host(self, peer: str | None, headers: Mapping[str, str]) -> str:
        """The Host header, or what a trusted proxy says that it was."""
        host = headers.get("Host", "")
        return headers.get("X-Forwarded-Host", host) if peer in self.proxies else host

    def source(self, peer: str, headers: Mapping[str, str]) -> str:
        """The address that a request comes from: the last in the chain that is no trusted proxy's."""
        if peer not in self.proxies:
            return peer
        chain = [part.strip() for part in headers.get("X-Forwarded-For", "").split(",") if part.strip()]
        return next((address for address in reversed(chain) if address not in self.proxies), peer)


def foreign(origin: str | None, scheme: str, host: str) -> bool:
    """Whether a page of another origin sends this; without an Origin no browser does."""
    return origin is not None and origin.lower() != f"{scheme}://{host}".lower()
