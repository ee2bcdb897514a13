"""Which headers go on, to the job and back from it.

Hop-by-hop headers and those that Connection names end here, both ways (RFC 9110, 7.6.1). A job never gets what lets
somebody in through this door, and never says in its reply what would count for more than its own endpoint.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from services.endpoints.domain.cookies import confined, without_ours
from services.endpoints.domain.place import Place

Headers = list[tuple[str, str]]

HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"),
        *("te", "trailer", "transfer-encoding", "upgrade"),
    }
)
FORWARDED = frozenset(
    {
        *("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-prefix"),
        *("x-forwarded-port", "x-forwarded-server", "x-forwarded-ssl", "x-real-ip", "x-scheme", "x-script-name"),
    }
)
"""What only a proxy may say; a client's own are dropped."""
FOR_THE_WHOLE_ORIGIN = frozenset(
    {
        *("service-worker-allowed", "clear-site-data", "strict-transport-security", "origin-agent-cluster"),
        *("alt-svc", "nel", "report-to", "reporting-endpoints", "public-key-pins", "public-key-pins-report-only"),
    }
)
"""In a reply, these reach beyond the endpoint that it came from."""
_LOCATIONS = frozenset({"location", "content-location"})
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[^\x00-\x08\x0a-\x1f\x7f]*")
_ABSOLUTE = re.compile(r"https?://([^/?#]*)(.*)", re.IGNORECASE | re.DOTALL)
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]", "0.0.0.0"})
TICKET_IN_REFERER = "ticket=jyt_"


class HostileReply(Exception):
    """A reply of the job whose headers, or whose words beside the status, are none."""


@dataclass(frozen=True)
class Client:
    """Who asks, as the job is told."""

    address: str
    host: str
    scheme: str


def end_to_end(headers: Iterable[tuple[str, str]]) -> Headers:
    """Without what is meant for this hop alone."""
    kept = list(headers)
    named = {
        name.strip().lower() for header, value in kept if header.lower() == "connection" for name in value.split(",")
    }
    return [(name, value) for name, value in kept if name.lower() not in HOP_BY_HOP | named]


def to_job(
    headers: Iterable[tuple[str, str]], place: Place, client: Client, secret: str | None, authorization: str | None
) -> Headers:
    """What the job gets. `secret`: the program's token, filled in here; `authorization`: the client's own for it."""
    ours = FORWARDED | {"host", "authorization", "cookie", "expect"}
    sent = [(name, value) for name, value in end_to_end(headers) if name.lower() not in ours]
    sent = [(name, value) for name, value in sent if name.lower() != "referer" or TICKET_IN_REFERER not in value]
    sent.append(("Host", client.host))
    cookie = without_ours(value for name, value in end_to_end(headers) if name.lower() == "cookie")
    if cookie:
        sent.append(("Cookie", cookie))
    if secret is not None:
        sent.append(("Authorization", f"token {secret}"))
    elif authorization is not None:
        sent.append(("Authorization", authorization))
    sent += [
        ("X-Forwarded-For", client.address),
        ("X-Forwarded-Host", client.host),
        ("X-Forwarded-Proto", client.scheme),
    ]
    if place.prefix:
        sent.append(("X-Forwarded-Prefix", place.prefix))
    return sent


def reason_from_job(reason: str | None) -> str | None:
    """The words beside the status. Raises HostileReply."""
    if reason is not None and not _VALUE.fullmatch(reason):
        raise HostileReply
    return reason


def from_job(headers: Iterable[tuple[str, str]], place: Place, client: Client, port: int) -> Headers:
    """What the client gets. Raises HostileReply."""
    sent: Headers = []
    for name, value in end_to_end(headers):
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise HostileReply
        lower = name.lower()
        if lower == "set-cookie":
            cookie = confined(value, place.confines)
            sent += [(name, cookie)] if cookie is not None else []
        elif lower in _LOCATIONS:
            sent.append((name, location(value, place, client, port)))
        elif lower not in FOR_THE_WHOLE_ORIGIN:
            sent.append((name, value))
    return sent


def location(value: str, place: Place, client: Client, port: int) -> str:
    """An address that the job points to: its own are turned into those of the door, others stay."""
    absolute = _ABSOLUTE.fullmatch(value)
    if absolute is not None:
        authority, rest = absolute[1].lower(), absolute[2]
        if authority != client.host.lower() and not _is_own(authority, port):
            return value
        value = rest if rest.startswith("/") else f"/{rest}"
    if value.startswith("//") or not value.startswith("/"):
        return value
    return place.outside(value)


def _is_own(authority: str, port: int) -> bool:
    name, colon, number = authority.rpartition(":")
    return (name in _LOOPBACK and number == str(port)) if colon and number.isdigit() else authority in _LOOPBACK
