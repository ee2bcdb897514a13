"""A Grafana as far as an embedded dashboard meets it: under `/grafana/`, behind an auth proxy, with our data source.

Like the real one it shows every viewer whatever it has, passes a data source the cookies that it may keep, and refuses
to be framed. What it was asked is kept.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

import httpx

from tests.support.http_double import HttpDouble, Quiet

KEPT = "jobyard_grafana"
PAGE = b"<!doctype html><title>Jobyard: one job</title>"
POLICY = "script-src 'self' 'nonce-x'; frame-ancestors 'none'; object-src 'none'"


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class GrafanaDouble:
    """`yard`: where its data source reaches the gateway. `answers`: status, headers and body instead of its own."""

    url: str = ""
    yard: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)

    @property
    def last(self) -> Asked:
        return self.asked[-1]

    def answer(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        """What a browser gets."""
        if asked.path in self.answers:
            return self.answers[asked.path]
        if asked.path == "/grafana/api/ds/query":
            return 200, {"Content-Type": "application/json"}, json.dumps(self._queried(asked)).encode()
        if asked.path.startswith("/grafana/api/datasources/uid/jobyard/resources/"):
            return self._resource(asked)
        headers = {"Content-Type": "text/html", "X-Frame-Options": "deny", "Content-Security-Policy": POLICY}
        return 200, {**headers, "Set-Cookie": "grafana_session=x; Path=/", "Cache-Control": "no-store"}, PAGE

    def _queried(self, asked: Asked) -> dict[str, Any]:
        return {"results": {query["refId"]: self._one(asked, query) for query in json.loads(asked.body)["queries"]}}

    def _one(self, asked: Asked, query: dict[str, Any]) -> dict[str, Any]:
        if query["datasource"]["uid"] != "jobyard":
            return {"status": 200, "frames": ["what nobody may see"]}
        url = f"{self.yard}/api/v1/prometheus/api/v1/query"
        answer = httpx.post(url, data={"query": query["expr"]}, cookies=_kept(asked), trust_env=False)
        return {"status": answer.status_code, "frames": [answer.json()]}

    def _resource(self, asked: Asked) -> tuple[int, dict[str, str], bytes]:
        path = asked.path.partition("/resources/")[2]
        url = f"{self.yard}/api/v1/prometheus/{path}?{asked.query}"
        named = {name: asked.headers[name] for name in ("content-type",) if name in asked.headers}
        answer = httpx.request(
            asked.method, url, content=asked.body, headers=named, cookies=_kept(asked), trust_env=False
        )
        return answer.status_code, {"Content-Type": "application/json"}, answer.content


def _kept(asked: Asked) -> dict[str, str]:
    cookies = SimpleCookie(asked.headers.get("cookie", ""))
    return {KEPT: cookies[KEPT].value} if KEPT in cookies else {}


@contextmanager
def grafana_double() -> Iterator[GrafanaDouble]:
    """One on a free loopback port."""
    double = GrafanaDouble()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def reply(self) -> None:
            parts = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, parts.path, parts.query, headers, body)
            double.asked.append(asked)
            status, named, answer = double.answer(asked)
            self.send_response(status)
            for name, value in {**named, "Content-Length": str(len(answer))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer)

        do_GET = do_HEAD = do_POST = reply  # noqa: N815 - the names that http.server calls

    with HttpDouble(Handler) as server:
        double.url = server.url
        yield double
