"""A Prometheus that answers what a test tells it, and remembers what it was asked: for what a real one seldom does."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.http_double import HttpDouble, Quiet

EMPTY = {"status": "success", "data": {"resultType": "vector", "result": []}}


@dataclass(frozen=True)
class Question:
    """A request as it arrived."""

    method: str
    path: str
    parameters: dict[str, list[str]]
    headers: dict[str, str]


@dataclass
class PrometheusDouble:
    """`status`, `body` and `type` are of the answers to come; while `held` is clear, none goes out."""

    url: str = ""
    status: int = 200
    body: Any = field(default_factory=lambda: EMPTY)
    type: str = "application/json"
    location: str | None = None
    asked: list[Question] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.held.set()

    @property
    def last(self) -> Question:
        return self.asked[-1]


@contextmanager
def prometheus_double() -> Iterator[PrometheusDouble]:
    """One on a free loopback port."""
    double = PrometheusDouble()

    class Handler(Quiet, BaseHTTPRequestHandler):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            form = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
            parameters = parse_qs(parts.query or form, keep_blank_values=True)
            headers = {name.lower(): value for name, value in self.headers.items()}
            double.asked.append(Question(self.command, parts.path, parameters, headers))
            double.held.wait(60)
            body = double.body if isinstance(double.body, bytes) else json.dumps(double.body).encode()
            self.send_response(double.status)
            self.send_header("Content-Type", double.type)
            self.send_header("Content-Length", str(len(body)))
            if double.location is not None:
                self.send_header("Location", double.location)
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815 - the names that http.server calls

    with HttpDouble(Handler) as server:
        double.url = server.url
        try:
            yield double
        finally:
            double.held.set()
