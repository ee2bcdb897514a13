"""Which host names are this door's, and which pages may speak through it."""

import re
from collections.abc import Collection

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
READING = frozenset({"GET", "HEAD", "OPTIONS"})
_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:[0-9]{1,5})?")


def host_name(header: str | None) -> str | None:
    """The name in a Host header, lower case, without its port; None: it is none."""
    found = _HOST.fullmatch(header.lower()) if header is not None else None
    return found[1] if found else None


def trusted(name: str, known: Collection[str], domain: str | None) -> bool:
    """Whether a request to this name is meant for this door."""
    return "*" in known or name in known or (domain is not None and name.endswith(f".{domain.lower()}"))


def foreign(origin: str | None, scheme: str, host: str) -> bool:
    """Whether a page of another origin sends this; without an Origin no browser does."""
    return origin is not None and origin.lower() != f"{scheme}://{host}".lower()
