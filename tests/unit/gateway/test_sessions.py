"""Browsers: signed in by a cookie that no page can read, which counts for pages of the platform alone."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.types import Message

from services.gateway.domain.sessions import MOST, brought
from services.gateway.signouts import ENDED, EndedDocument, SignOuts
from services.gateway.tokens import CLOCK_SKEW_S
from shared.store.port import Schema, StoreUnavailable
from tests.support.gateway import HOST, Gateway, gateway

OWN = {"Origin": f"http://{HOST}"}
SESSION = "/api/v1/auth/session"
BODY = {"name": "j", "command": "true"}


def password(yard: Gateway) -> dict[str, str]:
    return {"username": "admin", "password": (yard.data / "admin-password").read_text()}


async def sign_in(yard: Gateway, **headers: str) -> httpx.Response:
    answer = await yard.http.post(SESSION, json=password(yard), headers=headers)
    assert answer.status_code == 200, answer.text
    yard.http.cookies.clear()
    return answer


def parts_of(set_cookie: str) -> set[str]:
    return {part.strip().lower() for part in set_cookie.split(";")[1:]}


def cookie_of(yard: Gateway, name: str = "admin") -> str:
    return f"jobyard_session={yard.parts.tokens.issue(name)}"


async def ask(
    yard: Gateway,
    cookie: str,
    method: str = "GET",
    path: str = "/me",
    headers: dict[str, str] | None = None,
    json: Any = None,
) -> httpx.Response:
    """What a browser with these cookies is answered."""
    sent = {name.encode(): value.encode() for name, value in {"Cookie": cookie, **(headers or {})}.items()}
    return await yard.http.request(method, f"/api/v1{path}", headers=sent, json=json)


# --- in and out


async def test_a_browser_signs_in_and_its_cookie_lets_it_in(yard: Gateway) -> None:
    answer = await sign_in(yard, **OWN)
    assert answer.json() == {"name": "admin", "expires_in": 12 * 3600}
    cookie, token = answer.headers["set-cookie"], answer.headers["set-cookie"].partition(";")[0].partition("=")[2]
    assert cookie.startswith("jobyard_session=")
    assert parts_of(cookie) == {"httponly", "samesite=strict", "path=/", "max-age=43200"}
    assert token not in answer.text
    assert (await ask(yard, f"a=1; jobyard_session={token}; b=2")).json()["name"] == "admin"


async def test_over_https_the_cookie_is_bound_to_this_host_by_its_name_and_no_other_counts(yard: Gateway) -> None:
    https = httpx.AsyncClient(transport=yard.http._transport, base_url=f"https://{HOST}")
    answer = await https.post(SESSION, json=password(yard), headers={"Origin": f"https://{HOST}"})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-jobyard_session=")
    assert parts_of(cookie) == {"httponly", "samesite=strict", "path=/", "max-age=43200", "secure"}
    https.cookies.clear()
    host, bare = cookie.partition(";")[0], cookie_of(yard)
    for brings, status in ((host, 200), (bare, 401), (f"{bare}; {host}", 200)):
        assert (await https.get("/api/v1/me", headers={"Cookie": brings})).status_code == status
    assert (await ask(yard, host)).status_code == 401
    away = await https.delete(SESSION)
    assert {"secure", "path=/", "max-age=0"} <= parts_of(away.headers["set-cookie"])


async def test_signing_out_makes_the_browser_forget_also_a_cookie_that_does_not_count_or_is_not_there(
    yard: Gateway,
) -> None:
    for cookie in (cookie_of(yard), "jobyard_session=long-expired", "a=1"):
        answer = await ask(yard, cookie, "DELETE", "/auth/session", headers=OWN)
        assert (answer.status_code, answer.content) == (204, b"")
        assert answer.headers["set-cookie"].startswith('jobyard_session="";')
        assert {"max-age=0", "path=/", "httponly", "samesite=strict"} <= parts_of(answer.headers["set-cookie"])


async def test_a_cookie_that_somebody_has_copied_does_not_count_once_its_owner_has_signed_out(yard: Gateway) -> None:
    mine, another = cookie_of(yard), cookie_of(yard)
    copied = {"Authorization": f"Bearer {mine.partition('=')[2]}"}
    assert (await yard.http.get("/api/v1/me", headers=copied)).status_code == 200
    for _ in range(2):
        assert (await ask(yard, mine, "DELETE", "/auth/session", headers=OWN)).status_code == 204
    assert (await ask(yard, mine)).status_code == 401
    assert (await yard.http.get("/api/v1/me", headers=copied)).status_code == 401
    assert (await ask(yard, another)).status_code == 200, "a sign-in of the same person in another browser"


async def test_a_browser_forgets_its_cookie_also_while_nobody_can_write_down_that_it_counts_no_more(
    yard: Gateway,
) -> None:
    cookie = cookie_of(yard)
    await yard.store.close()
    answer = await ask(yard, cookie, "DELETE", "/auth/session", headers=OWN)
    assert answer.status_code == 503
    assert "counts until it expires" in answer.json()["detail"]
    assert answer.headers["set-cookie"].startswith('jobyard_session="";')


async def test_of_sign_outs_no_more_is_remembered_than_of_tokens_that_would_still_count(yard: Gateway) -> None:
    ended = yard.store.collection(ENDED)
    for _ in range(3):
        await ask(yard, cookie_of(yard), "DELETE", "/auth/session", headers=OWN)
    assert await ended.count(()) == 3
    yard.clock.advance(12 * 3600 + CLOCK_SKEW_S)
    await ask(yard, cookie_of(yard), "DELETE", "/auth/session", headers=OWN)
    assert await ended.count(()) == 4, "by another replica's clock they may still count"
    yard.clock.advance(CLOCK_SKEW_S + 1)
    await ask(yard, cookie_of(yard), "DELETE", "/auth/session", headers=OWN)
    assert await ended.count(()) == 2


class Unsearchable:
    """A collection of a store that takes documents, and does not answer whoever looks for some."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def collection(self, schema: Schema[Any]) -> "Unsearchable":
        return self

    async def insert(self, document: EndedDocument) -> None:
        self.ids.append(document.id)

    async def find(self, *args: Any) -> None:
        raise StoreUnavailable("It does not answer.")


async def test_a_sign_in_has_ended_also_where_nobody_can_tidy_up_what_is_remembered_of_others(yard: Gateway) -> None:
    store: Any = Unsearchable()
    claims = await yard.parts.tokens.check(yard.parts.tokens.issue("admin"))
    await SignOuts(store, yard.clock).end(claims)
    assert store.ids == [claims.id]


async def test_what_is_no_sign_in_ends_nothing(yard: Gateway) -> None:
    for value in GARBAGE:
        assert (await ask(yard, f"jobyard_session={value}", "DELETE", "/auth/session", headers=OWN)).status_code == 204
    assert await yard.store.collection(ENDED).count(()) == 0


async def test_signing_in_ends_the_sign_in_that_the_browser_had_before_and_a_wrong_password_does_not(
    yard: Gateway,
) -> None:
    await yard.add_account("ada")
    before, another = cookie_of(yard, "ada"), cookie_of(yard, "ada")
    wrong = {"username": "admin", "password": "wrong"}
    assert (await ask(yard, before, "POST", "/auth/session", headers=OWN, json=wrong)).status_code == 401
    assert (await ask(yard, before)).json()["name"] == "ada"
    answer = await ask(yard, before, "POST", "/auth/session", headers=OWN, json=password(yard))
    now = answer.headers["set-cookie"].partition(";")[0]
    yard.http.cookies.clear()
    assert (await ask(yard, now)).json()["name"] == "admin"
    assert (await ask(yard, before)).status_code == 401
    assert (await ask(yard, another)).status_code == 200, "a sign-in of the same person in another browser"


async def test_a_page_is_told_how_people_sign_in(yard: Gateway) -> None:
    answer = await yard.http.get("/api/v1/auth/methods")
    assert answer.json() == {"password": True, "oidc": False, "issuer": None}


async def test_wrong_passwords_are_counted_together_with_those_for_tokens(tmp_path: Path) -> None:
    async with gateway(tmp_path, wrong_passwords_per_minute=2) as yard:
        wrong = {"username": "admin", "password": "wrong"}
        statuses = [(await yard.http.post(path, json=wrong)).status_code for path in (SESSION, "/api/v1/auth/token")]
        late = await yard.http.post(SESSION, json=password(yard))
        assert (statuses, late.status_code) == ([401, 401], 429)
        assert int(late.headers["retry-after"]) > 0
        assert "set-cookie" not in late.headers


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"username": "admin"}', "password"),
        (b'{"username": {"$ne": null}, "password": "x"}', "username"),
        (b'{"username": "admin", "password": 1}', "password"),
        (b'{"username": "admin", "password": "x", "remember": true}', "remember"),
        (b'{"code": "x"}', "code_verifier"),
        (b'{"code": "x", "code_verifier": "short"}', "code_verifier"),
        (b'{"code": "x", "code_verifier": "%s", "username": "admin"}' % (b"v" * 43), "username"),
        (b'{"code": null, "code_verifier": "%s"}' % (b"v" * 43), "code"),
        (b"[]", None),
        (b"null", None),
        (b"\xff", None),
        (b" ", None),
        (b'{"code":' * 100_000, None),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_a_bad_body_signs_nobody_in_and_names_the_field(yard: Gateway, body: bytes, field: str | None) -> None:
    answer = await yard.http.post(SESSION, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (422, False)
    assert field is None or field in [error["field"] for error in answer.json()["errors"]]


# --- for which requests it counts


async def test_a_cookie_changes_nothing_without_an_origin_that_is_ours(tmp_path: Path) -> None:
    async with gateway(tmp_path, allowed_origins=("https://console.example",)) as yard:
        foreign = ("https://evil.example", "null", "", f"https://{HOST}", "http://127.0.0.1:8081", "http://localhost")
        wrong: list[dict[str, str]] = [{"Origin": origin} for origin in (*foreign, "https://console.example")]
        for headers in ({}, *wrong):
            for method, path in (
                ("POST", "/jobs"),
                ("PATCH", "/users/admin"),
                ("DELETE", "/me/tokens/x"),
                ("PUT", "/x"),
            ):
                answer = await ask(yard, cookie_of(yard), method, path, json=BODY, headers=headers)
                assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), (method, headers)
        assert yard.bus.asked == []
        assert (await ask(yard, cookie_of(yard), "POST", "/jobs", json=BODY, headers=OWN)).status_code == 201


async def test_nobody_is_signed_in_or_out_by_a_page_of_another_site(yard: Gateway) -> None:
    for origin in ("https://evil.example", "null", "http://127.0.0.1:8081"):
        for method in ("POST", "DELETE"):
            answer = await yard.http.request(method, SESSION, json=password(yard), headers={"Origin": origin})
            assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
    form = await yard.http.post(SESSION, data=password(yard), headers=OWN)
    assert (form.status_code, "set-cookie" in form.headers) == (415, False)


async def test_what_a_browser_calls_another_origins_request_is_not_answered_for_its_cookie(yard: Gateway) -> None:
    for site, status in (("same-origin", 200), ("none", 200), ("same-site", 403), ("cross-site", 403), ("x", 403)):
        assert (await ask(yard, cookie_of(yard), headers={"Sec-Fetch-Site": site})).status_code == status
    for site in ("same-site", "cross-site"):
        assert (await yard.call("GET", "/me", headers={"Sec-Fetch-Site": site})).status_code == 200


async def test_no_answer_may_be_taken_into_a_page_of_another_origin(yard: Gateway) -> None:
    answer = await ask(yard, cookie_of(yard), headers={"Origin": "http://127.0.0.1:8081"})
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in answer.headers


async def test_a_token_wins_over_a_cookie(yard: Gateway) -> None:
    await yard.add_account("ada")
    both = await ask(yard, cookie_of(yard), headers=yard.token("ada"))
    assert both.json()["name"] == "ada"
    posted = await ask(yard, cookie_of(yard), "POST", "/jobs", json=BODY, headers=yard.token("ada"))
    assert (posted.status_code, posted.json()["owner"]) == (201, "ada")
    for refused in ("Bearer none", "Bearer", "Basic YWRtaW46eA=="):
        assert (await ask(yard, cookie_of(yard), headers={"Authorization": refused})).status_code == 401


GARBAGE = ("", "x", '""', "a.b.c", "ä", "%00", "x" * 5000, "eyJhbGciOiJub25lIn0.e30.", "=", "jobyard_session")


async def test_a_cookie_that_does_not_count_is_a_401_that_makes_no_browser_ask_for_a_password(yard: Gateway) -> None:
    for value in GARBAGE:
        answer = await ask(yard, f"jobyard_session={value}")
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), value
        assert answer.headers["www-authenticate"] == 'Bearer realm="jobyard"'
        assert (await ask(yard, "jobyard_session", "POST", "/jobs", json=BODY, headers=OWN)).status_code == 401


async def test_an_api_token_is_no_cookie(yard: Gateway) -> None:
    made = await yard.call("POST", "/me/tokens", json={"name": "script", "scope": "act"})
    assert (await ask(yard, f"jobyard_session={made.json()['token']}")).status_code == 401


async def test_of_two_cookies_the_one_that_counts_lets_in_and_two_people_are_nobody(yard: Gateway) -> None:
    await yard.add_account("eve")
    ours, theirs, again = cookie_of(yard), cookie_of(yard, "eve"), cookie_of(yard)
    for cookies in (f"jobyard_session=forged; {ours}", f"{ours}; jobyard_session=", f"{again}; {ours}"):
        assert (await ask(yard, cookies)).json()["name"] == "admin"
    for cookies in (f"{theirs}; {ours}", f"{ours}; {theirs}"):
        answer = await ask(yard, cookies)
        assert (answer.status_code, "Two people" in answer.json()["detail"]) == (401, True)
    split = await yard.http.get("/api/v1/me", headers=[("Cookie", theirs), ("Cookie", ours)])
    assert split.status_code == 401
    many = "; ".join(f"jobyard_session={number}" for number in range(MOST))
    assert (await ask(yard, f"{many}; {ours}")).status_code == 200, "browsers send those of longer paths first"
    assert (await ask(yard, f"{ours}; {many}")).status_code == 401


async def test_a_page_of_somebody_who_is_not_signed_in_any_more_does_nothing_as_whoever_is_now(yard: Gateway) -> None:
    await yard.add_account("ada")
    for page in ("ada", "Admin", "", "admin ada", "x" * 4000):
        for method in ("GET", "POST"):
            answer = await ask(
                yard, cookie_of(yard), method, "/jobs", json=BODY, headers=OWN | {"X-Jobyard-Person": page}
            )
            assert (answer.status_code, answer.json()["code"]) == (409, "another_person")
            assert "signed in as admin now" in answer.json()["detail"]
    assert yard.bus.asked == []
    mine = await ask(yard, cookie_of(yard), "POST", "/jobs", json=BODY, headers=OWN | {"X-Jobyard-Person": "admin"})
    assert (mine.status_code, mine.json()["owner"]) == (201, "admin")


async def test_whoever_brings_a_token_says_by_it_who_they_are(yard: Gateway) -> None:
    answer = await yard.call("GET", "/me", headers={"X-Jobyard-Person": "ada"})
    assert (answer.status_code, answer.json()["name"]) == (200, "admin")


def test_only_the_very_name_is_ours() -> None:
    header = "Jobyard_Session=1; xjobyard_session=2; jobyard_session2=3; __Host-jobyard_session=4; jobyard_session=5=6"
    assert brought([header], "http") == ("5=6",)
    assert brought([header], "https") == ("4",)
    assert brought(["jobyard_session=1", "jobyard_session=1;jobyard_session=2"], "http") == ("1", "2")


async def test_on_public_paths_a_cookie_says_nothing(yard: Gateway) -> None:
    for cookie in (cookie_of(yard), "jobyard_session=garbage"):
        for path in ("/healthz", "/api/v1/auth/methods", "/api/v1/openapi.json"):
            assert (await yard.http.get(path, headers={"Cookie": cookie})).status_code == 200
        again = await yard.http.post(SESSION, json=password(yard), headers={"Cookie": cookie} | OWN)
        assert again.status_code == 200
        yard.http.cookies.clear()


async def test_a_cookie_ends_as_a_token_does(yard: Gateway) -> None:
    cookie = cookie_of(yard)
    assert (await ask(yard, cookie)).status_code == 200
    yard.clock.advance(12 * 3600 - 1)
    assert (await ask(yard, cookie)).status_code == 200
    yard.clock.advance(1)
    assert "expired" in (await ask(yard, cookie)).json()["detail"]


async def test_a_change_by_cookie_is_in_the_audit_as_any_other(yard: Gateway) -> None:
    made = await ask(yard, cookie_of(yard), "POST", "/vcs", json={"name": "lab"}, headers=OWN)
    assert made.status_code == 201
    entry = (await yard.call("GET", "/audit", params={"target": "vc/lab"})).json()["items"][0]
    assert (entry["actor"], entry["action"], entry["token"]) == ("admin", "vc.created", None)


@pytest.mark.parametrize(
    ("origin", "cookie", "status"),
    [
        (None, True, 403),
        ("null", True, 403),
        ("https://evil.example", True, 403),
        ("http://127.0.0.1:8081", True, 403),
        (f"http://{HOST}", False, 401),
        (f"http://{HOST}", True, None),  # the door lets it in; there is no route for websockets behind it
    ],
)
async def test_a_websocket_is_opened_by_a_cookie_for_pages_of_ours_only(
    yard: Gateway, origin: str | None, cookie: bool, status: int | None
) -> None:
    app = yard.http._transport.app  # type: ignore[attr-defined]  # the application under the client
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    headers = [(b"host", HOST.encode())]
    headers += [(b"origin", origin.encode())] if origin else []
    headers += [(b"cookie", cookie_of(yard).encode())] if cookie else []
    scope = {
        "type": "websocket",
        "path": "/api/v1/events",
        "raw_path": b"/api/v1/events",
        "query_string": b"",
        "scheme": "ws",
        "headers": headers,
        "extensions": {"websocket.http.response": {}},
    }
    await app(scope, receive, send)
    assert sent[0].get("status") == status
