"""A webhook receiver that does what a test tells it: takes events, fails, hangs, or redirects."""

import json
import ssl
import threading
from collections import deque
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any

from tests.support.http_double import HttpDouble, Quiet


@dataclass(frozen=True)
class Arrival:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> dict[str, Any]:
        event: dict[str, Any] = json.loads(self.body)
        return event


class Receiver(HttpDouble):
    """`next` holds the answers to come: a status, `hang`, or a redirect's target."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.arrived: list[Arrival] = []
        self.next: deque[int | str] = deque()
        self.always: int | str = 204
        self.released = threading.Event()
        receiver = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver._answer(self)

            def do_GET(self) -> None:
                receiver._answer(self)

        super().__init__(Handler, tls)

    def at(self, path: str) -> list[Arrival]:
        return [arrival for arrival in self.arrived if arrival.path == path]

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.arrived.append(Arrival(request.path, headers, body))
        answer = self.next.popleft() if self.next else self.always
        if answer == "hang":
            self.released.wait()
            request.close_connection = True
            return
        if isinstance(answer, str):
            request.send_response(307)
            request.send_header("Location", answer)
        else:
            request.send_response(answer)
        request.send_header("Content-Length", "0")
        request.end_headers()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        super().__exit__(kind, error, trace)
