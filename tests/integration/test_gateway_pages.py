"""Pages and browsers' sign-ins on the gateway's real server: paths as they are sent, connections, ends of streams."""

import base64
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.dist import INDEX, SCRIPT, built_console
from tests.support.waiting import until
from tests.support.wire import Wire, rest_of, wire

APP = "/assets/app-1a2b.js"


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncGenerator[Wire, None]:
    async with wire(tmp_path, console=built_console(tmp_path)) as running:
        yield running


async def answer_to(yard: Wire, head: bytes) -> tuple[int, bytes]:
    """The status, and all that comes before the connection ends."""
    with yard.connected(head) as connection:
        whole = await rest_of(connection)
    return int(whole.split(b" ", 2)[1]), whole


TRAVERSALS = (
    "/../secret.txt",
    "/../../secret.txt",
    "/%2e%2e/%2e%2e/secret.txt",
    "/%252e%252e/secret.txt",
    "/..%2f..%2fsecret.txt",
    "/..%5c..%5csecret.txt",
    "/..\\..\\secret.txt",
    "//secret.txt",
    "/outside/secret.txt",
    "/index.html%00.js",
    "/%00",
    "/assets/../../../secret.txt",
    "/assets/..%2f..%2f..%2fsecret.txt",
    "/assets/%2e%2e/index.html",
    "/assets/out.txt",
    "/assets/app-1a2b.js%00",
    "/assets//app-1a2b.js",
    "/assets/%ff",
    "/x/../api/v1/me",
    "/api/../index.html",
    "/%2e/api/v1/me",
)


@pytest.mark.parametrize("path", TRAVERSALS)
async def test_a_path_that_deceives_leads_to_the_index_or_to_nothing(yard: Wire, path: str) -> None:
    status, answer = await answer_to(yard, yard.head(path, Connection="close"))
    body = answer.partition(b"\r\n\r\n")[2]
    assert b"canary" not in answer
    assert (status == 200 and body == INDEX.encode()) or (status in (400, 401, 404) and b'"detail"' in body), answer
    assert status != 200 or not path.startswith(("/assets", "/api"))


async def test_an_address_with_its_host_is_a_path_too(yard: Wire) -> None:
    head = yard.head(f"http://127.0.0.1:{yard.port}{APP}", Connection="close")
    status, answer = await answer_to(yard, head)
    assert (status, answer.endswith(SCRIPT.encode())) == (200, True)


async def test_a_connection_goes_on_after_heads_and_what_was_not_sent_again(yard: Wire) -> None:
    etag = (await yard.http.get(APP)).headers["etag"]
    heads = [
        yard.head(APP, method="HEAD"),
        yard.head(APP, If_None_Match=etag, Accept_Encoding="gzip, deflate"),
        yard.head("/assets/none.js", method="HEAD"),
        yard.head("/healthz", Connection="close"),
    ]
    _, answer = await answer_to(yard, b"".join(heads))
    assert answer.count(b"HTTP/1.1 ") == 4 and answer.endswith(b"ok\n")
    statuses = [line.split(b" ")[1] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses == [b"200", b"304", b"404", b"200"]


async def test_a_reader_of_a_page_who_takes_nothing_leaves_room_for_who_is_signed_in(tmp_path: Path) -> None:
    dist = built_console(tmp_path)
    (dist / "assets" / "large-1.bin").write_bytes(b"x" * (16 << 20))
    async with wire(tmp_path, console=dist, max_requests=4) as yard:
        with yard.connected(yard.head("/assets/large-1.bin")):
            await until(lambda: yard.is_running(1), "it is being answered")
            refused = await yard.http.get("/")
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_requests")
            assert (await yard.http.get("/api/v1/me", headers=yard.inside.token())).status_code == 200


async def test_a_stream_that_a_cookie_opened_ends_with_it(yard: Wire) -> None:
    path, cookie = yard.endless(), f"jobyard_session={yard.inside.parts.tokens.issue('admin')}"
    yard.inside.clock.advance(yard.inside.parts.tokens.ttl_s - 0.2)
    status, answer = await answer_to(yard, yard.head(path, Cookie=cookie))
    assert (status, answer.endswith(b"0\r\n\r\n")) == (200, False)
    yard.inside.clock.advance(1)
    again, _ = await answer_to(yard, yard.head(path, Cookie=cookie, Connection="close"))
    assert again == 401


@pytest.mark.parametrize("origin", [None, "null", "https://evil.example", "http://127.0.0.1:1"])
async def test_no_page_of_another_origin_opens_a_websocket_with_the_cookie(yard: Wire, origin: str | None) -> None:
    handshake = {
        "Connection": "Upgrade, close",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(b"0123456789abcdef").decode(),
        "Cookie": f"jobyard_session={yard.inside.parts.tokens.issue('admin')}",
        **({"Origin": origin} if origin is not None else {}),
    }
    for path in ("/api/v1/events", "/api/v1/me"):
        status, answer = await answer_to(yard, yard.head(path, **handshake))
        assert (status, b'"forbidden"' in answer) == (403, True)
