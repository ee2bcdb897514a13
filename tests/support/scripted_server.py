"""An HTTP server that answers what a test has told it, in order, and remembers what it was asked."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.http_double import HttpDouble, Quiet


@dataclass(frozen=True)
class Answer:
    """One answer; a body that is no text is sent as JSON."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pieces:
    """An answer in pieces, as a stream of events is sent; `broken`: the connection is cut after the last."""

    pieces: Sequence[bytes]
    broken: bool = False
    type: str = "text/event-stream"
    headers: dict[str, str] = field(default_factory=dict)


BREAK = Pieces((), broken=True, type="")
"""No answer at all: the connection is closed after the request has been read."""


@dataclass(frozen=True)
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    queries: dict[str, list[str]]
    """Every value of a parameter that may be repeated."""


def problem(status: int, detail: str, **more: Any) -> Answer:
    """An RFC 9457 problem, as the gateway answers."""
    body = {"type": "urn:jobyard:problem:x", "title": "Title", "status": status, "code": "x", "detail": detail, **more}
    return Answer(status, body, {"Content-Type": "application/problem+json"})


class ScriptedServer:
    """What was asked is in `asked`; `on` says what to answer, the last of several answers for ever."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.url = ""
        self._script: dict[tuple[str, str], list[Answer | Pieces]] = {}
        self._lock = threading.Lock()

    def on(self, method: str, path: str, *answers: Answer | Pieces) -> None:
        self._script[method, path] = list(answers)

    def count(self, method: str, path: str) -> int:
        """How often this was asked."""
        return sum(asked.method == method and asked.path == path for asked in self.asked)

    def next_answer(self, asked: Asked) -> Answer | Pieces:
        with self._lock:
            self.asked.append(asked)
            answers = self._script.get((asked.method, asked.path))
            if not answers:
                return problem(404, f"{asked.method} {asked.path} is not in the script.")
            return answers.pop(0) if len(answers) > 1 else answers[0]


@contextmanager
def scripted_server() -> Iterator[ScriptedServer]:
    """A server on a free loopback port."""
    script = ScriptedServer()

    class Handler(Quiet, BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            parts = urlsplit(self.path)
            queries = parse_qs(parts.query)
            query = {name: values[0] for name, values in queries.items()}
            headers = {name.lower(): value for name, value in self.headers.items()}
            asked = Asked(self.command, parts.path, query, headers, json.loads(raw) if raw else None, queries)
            _send(self, script.next_answer(asked))

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815 - the names that http.server calls

    with HttpDouble(Handler) as server:
        script.url = server.url
        yield script


def _send(handler: BaseHTTPRequestHandler, answer: Answer | Pieces) -> None:
    if answer is BREAK:
        handler.close_connection = True
        return
    if isinstance(answer, Pieces):
        handler.send_response(200)
        for name, value in {"Content-Type": answer.type, **answer.headers}.items():
            handler.send_header(name, value)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for piece in answer.pieces:
            handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if answer.broken:
            handler.close_connection = True
        else:
            handler.wfile.write(b"0\r\n\r\n")
        return
    body = answer.body.encode() if isinstance(answer.body, str) else json.dumps(answer.body).encode()
    handler.send_response(answer.status)
    for name, value in {"Content-Type": "application/json", **answer.headers}.items():
        handler.send_header(name, value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
