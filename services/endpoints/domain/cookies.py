"""Cookies on their way: those of the platform never reach a job, and a job's own stay on its path."""

from collections.abc import Iterable

OURS = ("jobyard", "__host-jobyard", "__secure-jobyard")
"""Names that begin so are the platform's: this door's, and the API's, which browsers send to every port of a host."""
DOOR = "jobyard-endpoint"
"""What a ticket becomes."""


def name_at_door(scheme: str, path: str) -> str:
    """Under its prefix a browser takes it only over https, and with `__Host-` for this very host alone."""
    if scheme != "https":
        return DOOR
    return f"__Host-{DOOR}" if path == "/" else f"__Secure-{DOOR}"


def pairs(header: str) -> list[tuple[str, str]]:
    """Of a Cookie header, in order."""
    return [
        (name.strip(), value.strip()) for name, _, value in (item.partition("=") for item in header.split(";")) if name
    ]


def find(headers: Iterable[str], name: str) -> list[str]:
    """Every value of this cookie; there may be several, for paths within one another."""
    return [value for header in headers for known, value in pairs(header) if known == name]


def without_ours(headers: Iterable[str]) -> str:
    """The Cookie header that the job gets; empty: none."""
    items = (item.strip() for header in headers for item in header.split(";"))
    return "; ".join(item for item in items if item and not _is_ours(item))


def confined(set_cookie: str, path: str) -> str | None:
    """A Set-Cookie of the job held to its path and host; None: it is not the job's to set."""
    cookie, *attributes = (part.strip() for part in set_cookie.split(";"))
    if _is_ours(cookie):
        return None
    kept = [part for part in attributes if part and _attribute(part) not in ("domain", "path")]
    own = next((part.partition("=")[2].strip() for part in reversed(attributes) if _attribute(part) == "path"), "")
    return "; ".join([cookie, *kept, f"Path={_within(own, path)}"])


def _within(own: str, path: str) -> str:
    if path == "/" and own.startswith("/"):
        return own
    if own == path or own.startswith(f"{path}/"):
        return own
    return path + own.rstrip("/") if own.startswith("/") and path != "/" else path


def _attribute(part: str) -> str:
    return part.partition("=")[0].strip().lower()


def _is_ours(item: str) -> bool:
    """A cookie without a name is sent as its bare value, so what looks like ours behind a `=` is ours too."""
    return item.lstrip("= \t").lower().startswith(OURS)
