"""Which hosts and origins are ours: guards against DNS rebinding and against other sites' pages."""

import re
from collections.abc import Collection

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
ANYWHERE = "*"
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")


def host_of(header: str) -> str:
    """The name in a Host header, lower case, without its port: `Yard.example:8080` -> `yard.example`."""
    header = header.strip().lower()
    if header.startswith("["):
        return header.partition("]")[0] + "]"
    return header.partition(":")[0]


def as_host(address: str) -> str:
    """An address to listen on, as it stands in a Host header."""
    return f"[{address.lower()}]" if ":" in address else address.lower()


def trusted_host(header: str | None, trusted: Collection[str]) -> bool:
    """Whether a request to this Host is meant for this platform."""
    if ANYWHERE in trusted:
        return True
    return header is not None and _HOST.fullmatch(header.lower()) is not None and host_of(header) in trusted


def foreign(origin: str | None, scheme: str, host_header: str, allowed: Collection[str]) -> bool:
    """Whether a page of another site sends this; without an Origin no browser does."""
    return origin is not None and not own(origin, scheme, host_header) and origin not in allowed


def own(origin: str | None, scheme: str, host_header: str) -> bool:
    """Whether a page of this very platform sends this."""
    return origin is not None and origin.lower() == f"{scheme}://{host_header}".lower()


def elsewhere(fetch_site: str | None) -> bool:
    """Whether a browser says of a request that another origin's page makes it (Sec-Fetch-Site, Fetch Metadata).

    A page at another port of this host is one: its cookies are ours, and SameSite does not tell it from us.
    """
    return fetch_site is not None and fetch_site not in ("same-origin", "none")
