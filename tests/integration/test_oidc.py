"""Signing in at an OIDC issuer, on the running platform: browsers, the command line, claims, and every wrong token."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.oidc import CLIENT_ID, Issuer, issuer, new_key, settings, who
from tests.support.people import Person, add, admin, in_browser
from tests.support.platform import Platform, platform
from tests.support.waiting import wait_until

VERIFIER = "v" * 43
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
OIDC = "/api/v1/auth/oidc"
SESSION = "/api/v1/auth/session"
WITHIN_S = 20.0


@pytest.fixture(scope="module")
def idp() -> Iterator[Issuer]:
    with issuer() as running:
        yield running


@pytest.fixture(scope="module")
def yard(idp: Issuer) -> Iterator[Platform]:
    with platform(**settings(idp)) as running:
        yield running


@pytest.fixture(autouse=True)
def as_usual(idp: Issuer) -> None:
    idp.forge, idp.refuses = None, None
    who(idp, "olive")


def begin(yard: Platform, **query: str) -> httpx.Response:
    return yard.http.get(f"{OIDC}/start", params={"code_challenge": CHALLENGE, **query})


def at_issuer(answer: httpx.Response) -> str:
    """Where the issuer sends the browser."""
    assert answer.status_code == 303, answer.text
    return str(httpx.get(answer.headers["location"], trust_env=False).headers["location"])


def callback(yard: Platform) -> httpx.Response:
    return yard.http.get(at_issuer(begin(yard)))


def code_in(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return parse_qs(urlsplit(answer.headers["location"]).fragment)["code"][0]


def redeem(yard: Platform, code: str, verifier: str = VERIFIER) -> httpx.Response:
    return yard.http.post(f"{OIDC}/token", json={"code": code, "code_verifier": verifier})


def signed_in(yard: Platform, name: str) -> Person:
    """Through a browser, from the first step to a token."""
    answer = redeem(yard, code_in(callback(yard)))
    assert answer.status_code == 200, answer.text
    return Person(yard, name, answer.json()["access_token"])


# --- browsers


def test_a_browser_signs_in_and_the_first_time_makes_the_account(yard: Platform, idp: Issuer) -> None:
    who(idp, "ada", "researchers", email="ada@example.org")
    ada = signed_in(yard, "ada")
    me = {"name": "ada", "admin": False, "vcs": {"lab": "member"}, "scope": "act", "grafana": None}
    assert ada.call("GET", "/me", 200) == me
    account = next(user for user in admin(yard).call("GET", "/users", 200)["items"] if user["name"] == "ada")
    assert (account["email"], account["issuer"]) == ("ada@example.org", True)
    signed_in(yard, "ada")
    entries = admin(yard).call("GET", "/audit", 200, params={"target": "user/ada"})["items"]
    assert [(entry["actor"], entry["action"]) for entry in entries] == [("ada", "user.created")]


def test_the_browser_goes_back_to_the_page_it_came_from_and_its_address_holds_no_token(yard: Platform) -> None:
    answer = yard.http.get(at_issuer(begin(yard, return_to="/console/jobs")))
    target = urlsplit(answer.headers["location"])
    assert (target.scheme, target.netloc, target.path, target.query) == ("", "", "/console/jobs", "")
    token = redeem(yard, code_in(answer)).json()["access_token"]
    assert token not in answer.headers["location"]


def test_a_browser_that_was_at_the_issuer_is_signed_in_by_a_cookie_and_never_sees_a_token(
    yard: Platform, idp: Issuer
) -> None:
    who(idp, "bea", "researchers")
    assert yard.http.get("/api/v1/auth/methods").json() == {"password": True, "oidc": True, "issuer": idp.url}
    back = yard.http.get(at_issuer(begin(yard, return_to="/jobs")))
    body = {"code": code_in(back), "code_verifier": VERIFIER}
    wrong = yard.http.post(SESSION, json=body | {"code_verifier": "w" * 43}, headers={"Origin": yard.url})
    assert (wrong.status_code, "set-cookie" in wrong.headers) == (401, False)
    foreign = yard.http.post(SESSION, json=body, headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, "set-cookie" in foreign.headers) == (403, False)
    bea = in_browser(yard, body)
    assert bea.call("GET", "/me", 200)["vcs"] == {"lab": "member"}
    id = bea.submit("true", vc="lab")
    assert bea.call("GET", f"/jobs/{id}", 200)["owner"] == "bea"
    again = yard.http.post(SESSION, json=body, headers={"Origin": yard.url})
    assert (again.status_code, "set-cookie" in again.headers) == (401, False)


@pytest.mark.parametrize(
    "return_to", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nX: y", "console", "/a?b", ""]
)
def test_it_goes_back_to_this_platform_only(yard: Platform, return_to: str) -> None:
    answer = begin(yard, return_to=return_to)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "return_to")


def test_a_code_counts_once_and_with_the_verifier_of_the_page_that_began(yard: Platform) -> None:
    code = code_in(callback(yard))
    assert redeem(yard, code, "w" * 43).status_code == 401
    assert redeem(yard, code).status_code == 200
    assert redeem(yard, code).status_code == 401
    assert redeem(yard, "never-given").status_code == 401


def test_a_callback_counts_for_the_sign_in_that_began_it(yard: Platform) -> None:
    back = urlsplit(at_issuer(begin(yard)))
    query = {name: values[0] for name, values in parse_qs(back.query).items()}
    other = parse_qs(urlsplit(at_issuer(begin(yard))).query)["state"][0]
    token = yard.headers()["Authorization"].removeprefix("Bearer ")
    for state in ("x", query["state"][:-4] + "AAAA", token, other, "a.b.c", query["state"] + "." * 100):
        answer = yard.http.get(f"{OIDC}/callback", params={**query, "state": state})
        assert answer.status_code == 401, state
    assert yard.http.get(f"{OIDC}/callback", params={"code": "x"}).status_code == 422


def test_the_state_of_a_sign_in_is_no_token(yard: Platform) -> None:
    state = parse_qs(urlsplit(begin(yard).headers["location"]).query)["state"][0]
    assert Person(yard, "nobody", state).status("GET", "/me") == 401


def test_an_issuer_that_refuses_is_a_401_with_a_sentence(yard: Platform, idp: Issuer) -> None:
    idp.refuses = "access_denied"
    answer = callback(yard)
    assert (answer.status_code, answer.json()["detail"]) == (401, "The OIDC issuer did not sign you in. Begin again.")


def test_somebody_at_a_page_whom_the_issuer_refuses_is_led_back_to_the_sign_in(yard: Platform, idp: Issuer) -> None:
    idp.refuses = "access_denied"
    answer = yard.http.get(at_issuer(begin(yard)), headers={"Accept": "text/html,*/*;q=0.8"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in#refused")


# --- the command line


def test_a_device_code_becomes_a_token_once_it_was_confirmed(yard: Platform, idp: Issuer) -> None:
    who(idp, "dev", "everybody")
    begun = yard.http.post(f"{OIDC}/device").json()
    assert (begun["user_code"], begun["verification_uri"]) == ("ABCD-EFGH", f"{idp.url}/activate")
    asked = {"device_code": begun["device_code"]}
    pending = yard.http.post(f"{OIDC}/device/token", json=asked)
    assert (pending.status_code, pending.json()["status"]) == (202, "pending")
    idp.refuses = "slow_down"
    slower = yard.http.post(f"{OIDC}/device/token", json=asked)
    assert (slower.status_code, slower.json()["slower"], pending.json()["slower"]) == (202, True, False)
    idp.refuses, idp.confirmed = None, True
    answer = yard.http.post(f"{OIDC}/device/token", json=asked)
    assert Person(yard, "dev", answer.json()["access_token"]).call("GET", "/me", 200)["vcs"] == {"default": "member"}
    assert yard.http.post(f"{OIDC}/device/token", json=asked).status_code == 401


@pytest.mark.parametrize("error", ["access_denied", "expired_token", "something_else"])
def test_a_device_code_that_was_refused_is_a_401(yard: Platform, idp: Issuer, error: str) -> None:
    asked = {"device_code": yard.http.post(f"{OIDC}/device").json()["device_code"]}
    idp.refuses = error
    assert yard.http.post(f"{OIDC}/device/token", json=asked).status_code == 401


# --- accounts and claims


def test_groups_decide_roles_at_each_sign_in_and_only_in_the_vcs_that_follow_them(yard: Platform, idp: Issuer) -> None:
    root = admin(yard)
    root.call("POST", "/vcs", 201, json={"name": "by-hand"})
    who(idp, "rob", "researchers", "leads", "everybody")
    assert signed_in(yard, "rob").call("GET", "/me", 200)["vcs"] == {"lab": "admin", "default": "member"}
    root.call("PATCH", "/users/rob", 200, json={"vcs": {"by-hand": "member"}})
    who(idp, "rob", "researchers")
    signed_in(yard, "rob")
    rob = Person(yard, "rob", redeem(yard, code_in(callback(yard))).json()["access_token"])
    expected = {"lab": "member", "by-hand": "member"}
    wait_until(lambda: rob.call("GET", "/me", 200)["vcs"] == expected, "it counts", WITHIN_S)


def test_the_admin_group_makes_administrators_and_leaving_it_ends_that(yard: Platform, idp: Issuer) -> None:
    who(idp, "op", "operators")
    op = signed_in(yard, "op")
    assert op.status("GET", "/users") == 200
    who(idp, "op")
    signed_in(yard, "op")
    wait_until(lambda: op.status("GET", "/users") == 403, "it counts", WITHIN_S)


def test_a_name_that_somebody_else_has_here_is_refused(yard: Platform, idp: Issuer) -> None:
    add(yard, "local")
    for name in ("admin", "local"):
        who(idp, name, "operators")
        assert callback(yard).status_code == 403
    who(idp, "twin")
    signed_in(yard, "twin")
    who(idp, "twin", sub="another subject")
    assert "belongs to another account" in callback(yard).json()["detail"]


def test_a_subject_keeps_its_account_when_the_issuer_calls_it_by_another_name(yard: Platform, idp: Issuer) -> None:
    who(idp, "before", sub="renamed")
    signed_in(yard, "before")
    who(idp, "after", sub="renamed")
    assert signed_in(yard, "after").call("GET", "/me", 200)["name"] == "before"


def test_a_disabled_account_does_not_sign_in_at_the_issuer_either(yard: Platform, idp: Issuer) -> None:
    who(idp, "dan")
    dan = signed_in(yard, "dan")
    unused = code_in(callback(yard))
    admin(yard).call("PATCH", "/users/dan", 200, json={"disabled": True})
    wait_until(lambda: dan.status("GET", "/me") == 401, "its token stops", WITHIN_S)
    assert callback(yard).status_code == 401
    assert redeem(yard, unused).status_code == 401


def test_an_account_of_the_issuer_has_no_password_here(yard: Platform, idp: Issuer) -> None:
    who(idp, "pia")
    pia = signed_in(yard, "pia")
    assert yard.http.post("/api/v1/auth/token", json={"username": "pia", "password": "x"}).status_code == 401
    body = {"current": "x", "new": "a long enough one"}
    assert "issuer" in pia.call("POST", "/me/password", 403, json=body)["detail"]
    assert admin(yard).status("PATCH", "/users/pia", json={"password": "a long enough one"}) == 409


@pytest.mark.parametrize("name", [None, 7, "", "a b", "a@b.example", "-x", "x" * 65, "a\r\nb", {"$ne": None}], ids=repr)
def test_a_claim_that_is_no_user_name_is_refused_with_a_sentence(yard: Platform, idp: Issuer, name: object) -> None:
    who(idp, "odd", preferred_username=name)
    before = admin(yard).call("GET", "/users", 200)
    answer = callback(yard)
    assert (answer.status_code, "preferred_username" in answer.json()["detail"]) == (403, True)
    assert admin(yard).call("GET", "/users", 200) == before


def test_an_address_that_could_break_a_mail_is_left_out(yard: Platform, idp: Issuer) -> None:
    who(idp, "inj", email="a@b.example\r\nBcc: c@d.example")
    signed_in(yard, "inj")
    account = next(user for user in admin(yard).call("GET", "/users", 200)["items"] if user["name"] == "inj")
    assert account["email"] is None


# --- ID tokens


def changed(idp: Issuer, **claims: Any) -> Callable[[dict[str, Any]], str]:
    """Signed as it should be, but for these claims; None leaves one out."""

    def forge(good: dict[str, Any]) -> str:
        return idp.sign({name: value for name, value in {**good, **claims}.items() if value is not None})

    return forge


def by_hand(header: dict[str, Any], sign: Callable[[bytes], bytes]) -> Callable[[dict[str, Any]], str]:
    def part(raw: bytes) -> str:
        return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()

    def forge(claims: dict[str, Any]) -> str:
        text = f"{part(json.dumps(header).encode())}.{part(json.dumps(claims).encode())}"
        return f"{text}.{part(sign(text.encode()))}"

    return forge


def forgeries(idp: Issuer) -> dict[str, Callable[[dict[str, Any]], str]]:
    now, kid = int(time.time()), idp.key.kid
    pem = idp.key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    stranger = new_key()
    return {
        "wrong audience": changed(idp, aud="another-client"),
        "several audiences without azp": changed(idp, aud=[CLIENT_ID, "other"]),
        "several audiences, another azp": changed(idp, aud=[CLIENT_ID, "other"], azp="other"),
        "no audience": changed(idp, aud=None),
        "wrong issuer": changed(idp, iss="https://evil.example"),
        "issuer with a slash more": changed(idp, iss=f"{idp.url}/"),
        "no issuer": changed(idp, iss=None),
        "expired": changed(idp, exp=now - 3600),
        "no expiry": changed(idp, exp=None),
        "expiry that is no time": changed(idp, exp=True),
        "from the future": changed(idp, iat=now + 3600),
        "wrong nonce": changed(idp, nonce="other"),
        "no nonce": changed(idp, nonce=None),
        "no subject": changed(idp, sub=None),
        "empty subject": changed(idp, sub=""),
        "another key under its kid": lambda claims: idp.sign(claims, stranger, kid=kid),
        "unknown kid": lambda claims: idp.sign(claims, stranger),
        "no kid": by_hand({"alg": "RS256"}, lambda text: b"x"),
        "unknown crit": lambda claims: idp.sign(claims, crit=["exp2"], exp2=1),
        "alg none": by_hand({"alg": "none", "kid": kid}, lambda text: b""),
        "HS256 with the public key": by_hand(
            {"alg": "HS256", "kid": kid}, lambda text: hmac.digest(pem, text, "sha256")
        ),
        "RS512 under a key for RS256": lambda claims: jwt.encode(
            claims, idp.key.private, algorithm="RS512", headers={"kid": kid}
        ),
        "no signature": lambda claims: idp.sign(claims).rpartition(".")[0] + ".",
        "no token": lambda claims: "nothing",
        "too long": lambda claims: idp.sign({**claims, "x": "y" * 20_000}),
    }


def test_no_forged_id_token_signs_anybody_in(yard: Platform, idp: Issuer) -> None:
    signed_in(yard, "olive")
    before = admin(yard).call("GET", "/users", 200)
    for name, forge in forgeries(idp).items():
        who(idp, "forger", "operators")
        idp.forge = forge
        answer = callback(yard)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json"), name
    assert admin(yard).call("GET", "/users", 200) == before


def test_a_rotated_key_works_at_once_and_unknown_ones_cost_one_fetch_a_minute() -> None:
    with issuer() as idp, platform(**settings(idp)) as yard:
        who(idp, "ada")
        signed_in(yard, "ada")
        assert idp.asked["/keys"] == 1
        idp.rotate()
        signed_in(yard, "ada")
        assert idp.asked["/keys"] == 2
        stranger = new_key()
        idp.forge = lambda claims: idp.sign(claims, stranger)
        for _ in range(5):
            assert callback(yard).status_code == 401
        assert idp.asked["/keys"] == 2
        idp.forge = None
        signed_in(yard, "ada")
        assert idp.asked["/.well-known/openid-configuration"] == 1


def test_an_issuer_that_is_away_or_is_another_one_is_a_503_and_passwords_still_count() -> None:
    with issuer() as idp:
        given = settings(idp)
        with platform(**{**given, "JOBYARD_GATEWAY_OIDC_ISSUER": f"{idp.url}/"}) as yard:
            assert begin(yard).status_code == 503
    with platform(**given) as yard:
        for answer in (begin(yard), yard.http.post(f"{OIDC}/device")):
            assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")
        assert admin(yard).status("GET", "/me") == 200


def test_the_secret_is_shown_in_the_way_that_the_issuer_takes() -> None:
    with issuer() as idp:
        idp.secret_in_form = True
        who(idp, "ada")
        with platform(**settings(idp)) as yard:
            signed_in(yard, "ada")


def test_an_address_that_takes_too_many_steps_has_to_wait() -> None:
    with issuer() as idp, platform(**settings(idp) | {"JOBYARD_GATEWAY_OIDC_STEPS_PER_MINUTE": "2"}) as yard:
        assert [begin(yard).status_code for _ in range(3)] == [303, 303, 429]
        assert yard.http.post(f"{OIDC}/device").headers["retry-after"]
        assert idp.asked["/device"] == 0


def test_without_an_issuer_there_is_no_such_sign_in() -> None:
    with platform() as yard:
        answers = [begin(yard), yard.http.post(f"{OIDC}/device")]
        answers.append(yard.http.post(f"{OIDC}/device/token", json={"device_code": "x"}))
        for answer in answers:
            assert (answer.status_code, "none is configured" in answer.json()["detail"]) == (404, True)


@pytest.mark.parametrize(
    ("path", "good", "field", "values"),
    [
        ("token", {"code": "x", "code_verifier": VERIFIER}, "code", (None, 1, "", "x" * 300, {"$ne": None})),
        ("token", {"code": "x", "code_verifier": VERIFIER}, "code_verifier", (None, 1, "", "v", "v" * 200, "é" * 43)),
        ("token", {"code": "x", "code_verifier": VERIFIER}, "extra", ("x",)),
        ("device/token", {"device_code": "x"}, "device_code", (None, 1, "", "x" * 5000, ["x"])),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_bad_input_is_a_422_that_names_the_field(
    yard: Platform, path: str, good: dict[str, Any], field: str, values: tuple[Any, ...]
) -> None:
    for value in values:
        answer = yard.http.post(f"{OIDC}/{path}", json={**good, field: value})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), value
    for challenge in ("", "short", "x" * 44, "é" * 43):
        assert begin(yard, code_challenge=challenge).status_code == 422
