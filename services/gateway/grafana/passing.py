"""What passes between a browser and Grafana: what one of our dashboards needs to be shown, and nothing else.

Grafana may have other data sources and dashboards, and lets every viewer ask them. So paths, headers and questions are
named here one by one, and what is not named does not pass: neither a cookie nor a token goes in or out.
"""

import re
from collections.abc import Iterable
from typing import Annotated, Any
from urllib.parse import parse_qs, urljoin, urlsplit

from pydantic import Field

from shared.contracts.base import Contract

ROOT = "/grafana/"
DASHBOARD = f"{ROOT}d/jobyard-job"
"""The dashboard of one job; `?var-job_id=<id>` says of which."""
SOURCE = {"type": "prometheus", "uid": "jobyard"}
"""The data source, which is the gateway's own path to Prometheus (deploy/grafana)."""
RESOURCES = f"{ROOT}api/datasources/uid/{SOURCE['uid']}/resources/"
QUERY = f"{ROOT}api/ds/query"
TICKET = "jobyard_grafana"
"""The cookie that goes on from Grafana to our data source (`keepCookies`), and to no browser (`tickets.py`)."""

Headers = list[tuple[str, str]]

_UID = r"jobyard-[a-z]+"
_NAME = r"[A-Za-z0-9_@+~-][A-Za-z0-9._@+~-]*"
_GET = tuple(
    re.compile(f"{ROOT}{path}")
    for path in (
        rf"(d|d-solo)/{_UID}(/[a-z0-9-]*)?",
        rf"public/({_NAME}/)*{_NAME}",
        r"api/frontend/(settings|assets)/?",
        r"bootdata/?",
        rf"api/dashboards/uid/{_UID}",
        rf"apis/dashboard\.grafana\.app/v[0-9a-z]+/namespaces/[a-z0-9-]+/dashboards/{_UID}(/dto)?",
        r"api/datasources/uid/jobyard/(health|resources/api/v1/[a-z_]+(/[A-Za-z0-9_:]+/values)?)",
        r"api/plugins/[a-z0-9-]+/settings",
        r"api/(user|org)/preferences",
    )
)
_NOTES = f"{ROOT}api/annotations"
_OURS = re.compile(_UID)
_POST = re.compile(f"{QUERY}|{RESOURCES}api/v1/(query|query_range|series|labels)")
_ASKING = frozenset(
    {"accept", "accept-encoding", "accept-language", "content-type", "if-modified-since", "if-none-match"}
)
_ANSWERING = frozenset(
    {
        *("cache-control", "content-encoding", "content-language", "content-length", "content-type", "etag"),
        *("expires", "last-modified", "retry-after", "vary"),
    }
)
_POLICY = "content-security-policy"
_FRAMES = "frame-ancestors 'self'"


class Elsewhere(Exception):
    """Grafana sends the browser to a place that is not its own."""


def passes(method: str, path: str, query: str) -> bool:
    """Whether this may be asked; the path is decoded already."""
    if method == "POST":
        return _POST.fullmatch(path) is not None
    if path == _NOTES:
        named = parse_qs(query, keep_blank_values=True).get("dashboardUID", [])
        return len(named) == 1 and _OURS.fullmatch(named[0]) is not None
    return any(pattern.fullmatch(path) for pattern in _GET)


def asks_data(path: str) -> bool:
    """Whether Grafana asks the data source for this."""
    return path == QUERY or path.startswith(RESOURCES)


def to_grafana(headers: Iterable[tuple[str, str]], name: str) -> Headers:
    """What Grafana gets: how the browser likes its answer, and who looks."""
    sent = [(header, value) for header, value in headers if header.lower() in _ASKING]
    return [*sent, ("X-WEBAUTH-USER", name), ("X-WEBAUTH-ROLE", "Viewer")]


def from_grafana(headers: Iterable[tuple[str, str]], asked: str, own: Iterable[str]) -> Headers:
    """What the browser gets. `asked`: the path; `own`: the hosts that Grafana may call itself. Raises Elsewhere."""
    known, sent, policies = frozenset(own), Headers(), []
    for header, value in headers:
        lower = header.lower()
        if lower in _ANSWERING:
            sent.append((lower, value))
        elif lower == "location":
            sent.append((lower, _location(value, asked, known)))
        elif lower == _POLICY:
            policies.append((lower, _framed_by_us(value)))
    return [*sent, *(policies or [(_POLICY, _FRAMES)])]


def _location(value: str, asked: str, own: frozenset[str]) -> str:
    parts = urlsplit(urljoin(asked, value))
    if (parts.netloc and parts.netloc not in own) or not parts.path.startswith(ROOT):
        raise Elsewhere
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def _framed_by_us(policy: str) -> str:
    kept = (part.strip() for part in policy.split(";"))
    return "; ".join([*(part for part in kept if part and part.split()[0].lower() != "frame-ancestors"), _FRAMES])


class Questions(Contract):
    """What a dashboard asks the data sources, as far as ours needs it."""

    queries: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, max_length=100)]
    from_: Annotated[str, Field(alias="from", max_length=64)]
    to: Annotated[str, Field(max_length=64)]

    def to_our_source(self) -> dict[str, Any]:
        """The same, and whatever source was named, ours is asked."""
        return {"queries": [_to_our_source(query) for query in self.queries], "from": self.from_, "to": self.to}


def _to_our_source(query: dict[str, Any]) -> dict[str, Any]:
    """Grafana may read a name whatever the case of its letters, `ſ` for `s` included."""
    kept = {name: value for name, value in query.items() if name.casefold() not in ("datasource", "datasourceid")}
    return {**kept, "datasource": SOURCE}
