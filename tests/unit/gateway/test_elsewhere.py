"""Who asks the gateway for an endpoint is sent to the endpoints' own door, and nobody anywhere else."""

import pytest
from starlette.responses import PlainTextResponse
from starlette.types import Message

from services.gateway.elsewhere import Elsewhere

HOSTS = frozenset({"localhost", "yard.example"})


async def ask(app: Elsewhere, method: str, path: bytes, query: bytes = b"", host: bytes = b"yard.example:80") -> str:
    """Where it leads; `here` if the gateway answers itself."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    scope = {
        "type": "http",
        "method": method,
        "path": path.decode(),
        "raw_path": path,
        "query_string": query,
        "headers": [(b"host", host)],
    }
    await app(scope, receive, send)
    headers = dict(sent[0]["headers"])
    return headers[b"location"].decode() if sent[0]["status"] == 307 else "here"


def gateway(url: str | None = None, port: int = 8081) -> Elsewhere:
    return Elsewhere(PlainTextResponse("here"), url, port, HOSTS)


async def test_a_path_of_an_endpoint_leads_to_the_door_as_it_is() -> None:
    path, query = b"/endpoints/J/port-8080/a%2Fb", b"c=%20"
    assert await ask(gateway(), "GET", path, query) == "http://yard.example:8081/endpoints/J/port-8080/a%2Fb?c=%20"
    known = gateway("https://jobs.example.org/")
    assert await ask(known, "HEAD", path) == "https://jobs.example.org/endpoints/J/port-8080/a%2Fb"


@pytest.mark.parametrize(
    ("method", "path", "host"),
    [
        ("POST", b"/endpoints/J/ssh/", b"yard.example"),
        ("GET", b"/api/v1/jobs", b"yard.example"),
        ("GET", b"/endpoints", b"yard.example"),
        ("GET", b"/endpoints/J/ssh/", b"evil.example"),
    ],
)
async def test_all_else_stays_here(method: str, path: bytes, host: bytes) -> None:
    assert await ask(gateway(), method, path, host=host) == "here"


async def test_without_a_door_nobody_is_sent_on() -> None:
    assert await ask(gateway(port=0), "GET", b"/endpoints/J/ssh/") == "here"
