"""The console's pages: what is one, how it is answered, cached and packed, and what never comes out."""

import gzip
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from services.gateway.application import routed
from services.gateway.domain.pages import is_page
from services.gateway.domain.representations import encoding_for, has_it
from tests.support.dist import BROTLI, IMAGE, INDEX, SCRIPT, built_console
from tests.support.gateway import HOST, Gateway, gateway

APP = "/assets/app-1a2b.js"
PLAIN = {"Accept-Encoding": "identity"}
EXPECTED_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "'self'",
    "manifest-src": "'self'",
    "frame-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}


@pytest.fixture
async def built(tmp_path: Path) -> AsyncGenerator[Gateway, None]:
    async with gateway(tmp_path, console=built_console(tmp_path)) as running:
        yield running


async def test_everybody_gets_the_index_at_every_address_of_the_console(built: Gateway) -> None:
    for path in ("/", "/index.html", "/jobs", "/jobs/01JD8F2M5V7Q0R3S6T9W2X4Y8Z?tab=console", "/apis", "/a/b.c", "//x"):
        answer = await built.http.get(f"http://{HOST}{path}", headers=PLAIN)
        assert (answer.status_code, answer.text) == (200, INDEX), path
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert answer.headers["cache-control"] == "no-cache"
    brings = {"Cookie": "jobyard_session=garbage", "Authorization": "Bearer garbage", "Origin": "https://evil.example"}
    assert (await built.http.get("/", headers=PLAIN | brings)).text == INDEX


async def test_a_page_runs_and_loads_what_is_ours_and_nobody_frames_it(built: Gateway) -> None:
    for path in ("/", APP, "/favicon.png"):
        headers = (await built.http.get(path)).headers
        policies = headers.get_list("content-security-policy")
        assert len(policies) == 1
        said = dict(directive.strip().split(" ", 1) for directive in policies[0].split(";"))
        assert said == EXPECTED_POLICY
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-opener-policy"] == headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["x-request-id"] and "set-cookie" not in headers


async def test_files_with_hashed_names_are_kept_for_ever_and_a_missing_one_is_no_page(built: Gateway) -> None:
    answer = await built.http.get(APP, headers=PLAIN)
    assert (answer.status_code, answer.text) == (200, SCRIPT)
    assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
    assert answer.headers.get_list("cache-control") == ["public, max-age=31536000, immutable"]
    for path in ("/assets/app-0000.js", "/assets/", f"{APP}.br", f"{APP}.gz", f"{APP}/", "/assets/out.txt"):
        missing = await built.http.get(path)
        assert (missing.status_code, missing.json()["code"]) == (404, "not_found"), path
        assert missing.headers["cache-control"] == "no-store"
    assert (await built.http.get("/assets/notes-5e6f.txt.gz")).status_code == 200


async def test_a_file_outside_assets_has_its_own_type_and_is_asked_for_each_time(built: Gateway) -> None:
    answer = await built.http.get("/favicon.png")
    assert (answer.content, answer.headers["content-type"]) == (IMAGE, "image/png")
    assert answer.headers["cache-control"] == "no-cache" and "content-encoding" not in answer.headers


async def test_head_says_what_get_would(built: Gateway) -> None:
    for path in ("/", APP, "/favicon.png", "/assets/none.js"):
        got, head = await built.http.get(path, headers=PLAIN), await built.http.head(path, headers=PLAIN)
        assert (head.status_code, head.content if head.is_success else b"") == (got.status_code, b"")
        different = {"x-request-id"} if got.is_success else {"x-request-id", "content-length"}
        assert {name: value for name, value in head.headers.items() if name not in different} == {
            name: value for name, value in got.headers.items() if name not in different
        }


async def test_a_browser_that_has_the_file_is_not_sent_it_again(built: Gateway) -> None:
    for path in ("/", APP):
        for accepted in ("identity", "gzip", "br"):
            first = await _raw(built, path, {"Accept-Encoding": accepted})
            etag = first.headers["etag"]
            for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
                again = await _raw(built, path, {"Accept-Encoding": accepted, "If-None-Match": known})
                assert (again.status_code, again.content) == (304, b"")
                kept = ("etag", "cache-control", "vary", "content-security-policy")
                assert [again.headers[name] for name in kept] == [first.headers[name] for name in kept]
                assert "content-length" not in again.headers and "content-type" not in again.headers
            changed = await _raw(built, path, {"Accept-Encoding": accepted, "If-None-Match": '"other"'})
            assert (changed.status_code, changed.content) == (200, first.content)


async def test_a_file_is_sent_as_it_was_packed_when_it_was_built_else_packed_here(built: Gateway) -> None:
    packed = await _raw(built, APP, {"Accept-Encoding": "gzip, deflate, br, zstd"})
    assert (packed.headers["content-encoding"], packed.content) == ("br", BROTLI)
    assert int(packed.headers["content-length"]) == len(BROTLI)
    zipped = await _raw(built, APP, {"Accept-Encoding": "gzip"})
    assert (zipped.headers["content-encoding"], gzip.decompress(zipped.content)) == ("gzip", SCRIPT.encode())
    index = await _raw(built, "/", {"Accept-Encoding": "gzip, br"})
    assert (index.headers["content-encoding"], gzip.decompress(index.content)) == ("gzip", INDEX.encode())
    plain = await _raw(built, APP, {"Accept-Encoding": "br;q=0, gzip;q=0"})
    assert plain.content == SCRIPT.encode() and "content-encoding" not in plain.headers
    small = await _raw(built, "/assets/style-3c4d.css", {"Accept-Encoding": "gzip"})
    assert small.content == b"a{}" and "content-encoding" not in small.headers
    answers = (packed, zipped, plain)
    assert {answer.headers["vary"] for answer in answers} == {"Accept-Encoding"}
    assert len({answer.headers["etag"] for answer in answers}) == 3


@dataclass
class Sent:
    """An answer with its body as it was sent."""

    status_code: int
    headers: httpx.Headers
    content: bytes


async def _raw(yard: Gateway, path: str, headers: dict[str, str]) -> Sent:
    async with yard.http.stream("GET", path, headers=headers) as answer:
        return Sent(answer.status_code, answer.headers, b"".join([piece async for piece in answer.aiter_raw()]))


@pytest.mark.parametrize(
    ("accepted", "chosen"),
    [
        ("", None),
        ("*", "br"),
        ("GZIP", "gzip"),
        ("gzip, br", "br"),
        ("br;q=0.5, gzip;q=0.9", "gzip"),
        ("br;q=0, *", "gzip"),
        ("*;q=0", None),
        ("identity, gzip;q=0.5", None),
        ("identity;q=0.1, gzip;q=0.5", "gzip"),
        ("gzip; q = 1", "gzip"),
        ("gzip;q=", None),
        ("gzip;q=nan, br;q=2", None),
        ("gzip;q=-1", None),
        (",;=,q;;gzip", None),
        ("x-gzip, brotli", None),
    ],
)
def test_the_encoding_is_one_that_the_browser_takes(accepted: str, chosen: str | None) -> None:
    assert encoding_for(accepted, ("br", "gzip")) == chosen
    assert encoding_for(accepted, ()) is None


def test_a_version_is_known_by_its_whole_tag() -> None:
    assert has_it('"a"', '"a"') and has_it(' W/"a" ,"b"', '"a"')
    assert not has_it(None, '"a"') and not has_it("a", '"a"') and not has_it('"a', '"a"') and not has_it("", '"a"')


def test_no_route_of_the_api_is_a_page() -> None:
    for route in routed().routes:
        assert not is_page("GET", route.path), route  # type: ignore[attr-defined]  # every route here has one
    assert is_page("GET", "/apis") and is_page("HEAD", "/healthz2") and not is_page("POST", "/")


async def test_hosts_that_are_not_listed_get_no_page(built: Gateway) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", ""):
        for path in ("/", APP, "/assets/none.js"):
            answer = await built.http.get(path, headers={"Host": host})
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_request")
            assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"


async def test_where_the_console_was_not_built_a_page_says_how(yard: Gateway) -> None:
    for path in ("/", "/jobs/x"):
        answer = await yard.http.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html; charset=utf-8")
        assert "make setup" in answer.text and "<script" not in answer.text
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["cache-control"] == "no-store"
        assert (await yard.http.head(path)).status_code == 503
    assert (await yard.http.get(APP)).json()["code"] == "not_found"


async def test_what_is_built_later_is_not_half_shown(tmp_path: Path) -> None:
    dist = built_console(tmp_path)
    async with gateway(tmp_path, console=dist) as yard:
        (dist / "index.html").write_text("newer")
        (dist / "assets" / "later-1.js").write_text("later")
        assert (await yard.http.get("/", headers=PLAIN)).text == INDEX
        assert (await yard.http.get("/assets/later-1.js")).status_code == 404


async def test_pages_are_counted_under_one_name(built: Gateway) -> None:
    for path in ("/canary-page", APP):
        await built.http.get(path)
    text = (await built.http.get("/metrics")).text
    assert 'method="GET",route="/{page}",status="200"' in text and "canary" not in text
