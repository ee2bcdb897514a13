"""A registry of images that answers what a test says: the two ways to sign in, redirects, refusals, silence."""

import base64
import json
import ssl
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from urllib.parse import parse_qs, urlsplit

from tests.support.http_double import HttpDouble, Quiet

DIGEST = "sha256:" + "1a" * 32
USER, PASSWORD = "robot", "canary-7f3e"
TOKEN = "a-token-of-the-registry"


@dataclass
class Asked:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]


@dataclass
class Manner:
    """How the registry answers. `way`: `open`, `basic` or `bearer`."""

    way: str = "open"
    digest: str = DIGEST
    images: tuple[str, ...] = ("team/train:3",)
    status: int | None = None
    """What all that is asked is answered with; none: what belongs there."""
    body: bytes = b""
    """Beside the status."""
    headers: dict[str, str] = field(default_factory=dict)
    realm: str | None = None
    """Where tokens are said to be had; none: at the registry itself."""
    token: bytes | None = None
    """What the token's endpoint answers; none: a token."""


class RegistryDouble(HttpDouble):
    """With `tls` if that is given. Unless `speaking` is set nothing is answered."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.manner = Manner()
        self.asked: list[Asked] = []
        self.speaking = threading.Event()
        self.speaking.set()
        double = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_HEAD(self) -> None:
                double._answer(self)

            def do_GET(self) -> None:
                double._answer(self)

        super().__init__(Handler, tls)
        self.name = f"127.0.0.1:{self.port}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.speaking.set()
        super().__exit__(kind, error, trace)

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.asked.append(Asked(request.command, request.path, headers))
        self.speaking.wait()
        url = urlsplit(request.path)
        if url.path == "/token":
            self._give_token(request, headers, url.query)
        else:
            self._tell(request, headers, url.path)

    def _give_token(self, request: BaseHTTPRequestHandler, headers: dict[str, str], said: str) -> None:
        query = parse_qs(said)
        asked_well = query.get("service") == ["double"] and query.get("scope") == ["repository:team/train:pull"]
        if not asked_well or headers.get("authorization") != basic():
            _send(request, 401, {}, b"")
            return
        body = self.manner.token if self.manner.token is not None else json.dumps({"token": TOKEN}).encode()
        _send(request, 200, {}, body)

    def _tell(self, request: BaseHTTPRequestHandler, headers: dict[str, str], path: str) -> None:
        manner = self.manner
        wanted = {"open": None, "basic": basic(), "bearer": f"Bearer {TOKEN}"}[manner.way]
        if manner.status is not None:
            _send(request, manner.status, manner.headers, manner.body)
        elif headers.get("authorization") != wanted:
            realm = manner.realm or f"http://{self.name}/token"
            asks = {"basic": 'Basic realm="double"', "bearer": f'Bearer realm="{realm}",service="double"'}
            _send(request, 401, {"WWW-Authenticate": asks.get(manner.way, "")}, b"")
        elif path in {f"/v2/{name.replace(':', '/manifests/')}" for name in manner.images}:
            _send(request, 200, {"Docker-Content-Digest": manner.digest}, b"")
        else:
            _send(request, 404, {}, b"")


def basic() -> str:
    """What the one user says who is let in."""
    return "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


def _send(request: BaseHTTPRequestHandler, status: int, headers: dict[str, str], body: bytes) -> None:
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name, value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    if request.command != "HEAD":
        request.wfile.write(body)
