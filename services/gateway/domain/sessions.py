"""The cookie that a browser is signed in by: what it is called, and what of a request's cookies is one.

A cookie is sent to every port of a host, and a page at any of them may set one. Over https the name's prefix keeps it
to this very host and its `/` (RFC 6265bis, 4.1.3), and the bare name counts over plain http only.
"""

from collections.abc import Iterable

NAME = "jobyard_session"
MOST = 8
"""Values that are looked at: a browser has one, and more only where a page at another port of the host has set them."""


def name_over(scheme: str) -> str:
    """As it is called over http or https."""
    return f"__Host-{NAME}" if scheme == "https" else NAME


def brought(cookies: Iterable[str], scheme: str) -> tuple[str, ...]:
    """What the Cookie headers of a request hold of it, each value once, in order."""
    wanted = name_over(scheme)
    parts = (item.partition("=") for header in cookies for item in header.split(";"))
    return tuple(dict.fromkeys(value.strip() for name, _, value in parts if name.strip() == wanted))
