"""Accounts and tokens: the first start, passwords, and every way in which a token can be wrong."""

import asyncio
import base64
import hashlib
import hmac
import json
import stat
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.gateway.domain.access import Role
from services.gateway.fresh import FRESH_S
from services.gateway.keys import REFETCH_S, KeyDocument, Keys
from services.gateway.oidc.settings import OidcSettings
from services.gateway.people import people_from
from services.gateway.settings import GatewaySettings
from services.gateway.signin import FirstAccount
from services.gateway.tokens import ALGORITHM, AUDIENCE, ISSUER
from shared.clock import SystemClock
from shared.contracts.errors import TooMany, Unauthorized
from shared.ids import new_id
from shared.runtime import Deps
from shared.settings import PlatformSettings
from shared.store.sqlite import SqliteStore
from tests.support.gateway import DoubleBus, Gateway, gateway

PRIVATE = 0o600


def password_of(yard: Gateway) -> str:
    return (yard.data / "admin-password").read_text()


async def test_the_first_start_makes_an_admin_whose_password_only_its_owner_can_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with gateway(tmp_path) as yard:
        file = tmp_path / "admin-password"
        assert stat.S_IMODE(file.stat().st_mode) == PRIVATE
        assert capsys.readouterr().out.count(password_of(yard)) == 1
        account = await yard.people.sign_in.sign_in("admin", password_of(yard), "127.0.0.1")
        assert (account.id, account.admin, account.vcs) == ("admin", True, {"default": Role.MEMBER})
    async with gateway(tmp_path) as yard:
        assert capsys.readouterr().out == ""
        await yard.people.sign_in.sign_in("admin", password_of(yard), "127.0.0.1")


async def test_an_admin_has_the_password_that_was_given_and_it_is_written_and_said_nowhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with gateway(tmp_path, admin_password="of an operator") as yard:
        assert (await yard.people.sign_in.sign_in("admin", "of an operator", "127.0.0.1")).admin
    async with gateway(tmp_path, admin_password="a later one changes nothing") as yard:
        await yard.people.sign_in.sign_in("admin", "of an operator", "127.0.0.1")
    assert not (tmp_path / "admin-password").exists()
    assert capsys.readouterr().out == ""


async def test_a_crash_before_the_password_had_its_name_is_made_good(yard: Gateway) -> None:
    file = yard.data / "admin-password"
    file.rename(yard.data / "admin-password.new")
    await FirstAccount(yard.accounts, yard.people.passwords, yard.data).start()
    assert not (yard.data / "admin-password.new").exists()
    await yard.people.sign_in.sign_in("admin", file.read_text(), "127.0.0.1")


async def test_a_crash_before_the_account_was_stored_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "admin-password.new").write_text("never stored")
    async with gateway(tmp_path) as yard:
        assert password_of(yard) != "never stored"
        await yard.people.sign_in.sign_in("admin", password_of(yard), "127.0.0.1")


async def test_replicas_that_start_at_one_time_share_one_password_and_one_key(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "gateway.sqlite")
    clock = SystemClock()
    deps = Deps(DoubleBus(), clock, PlatformSettings(data=tmp_path / "data"))
    replicas = [people_from(deps, store, GatewaySettings(), OidcSettings()) for _ in range(4)]
    keys = [replica.keys for replica in replicas]
    await store.open()
    try:
        await asyncio.gather(*(one.first.start() for one in replicas), *(one.start() for one in keys))
        await replicas[0].first.start()
        assert [file.name for file in (tmp_path / "data").iterdir()] == ["admin-password"]
        password = (tmp_path / "data" / "admin-password").read_text()
        for replica in replicas:
            assert (await replica.sign_in.sign_in("admin", password, "127.0.0.1")).admin
        assert all([await one.get(keys[0].newest.id) for one in keys])
        assert len({one.newest.id for one in keys}) == 1
    finally:
        await store.close()


async def wrong(yard: Gateway, name: str, address: str, times: int = 1) -> None:
    for _ in range(times):
        with pytest.raises(Unauthorized):
            await yard.people.sign_in.sign_in(name, "wrong", address)


async def test_ten_wrong_passwords_for_a_name_from_an_address_and_then_a_wait(yard: Gateway) -> None:
    await wrong(yard, "admin", "10.0.0.1", 10)
    with pytest.raises(TooMany) as refused:
        await yard.people.sign_in.sign_in("admin", password_of(yard), "10.0.0.1")
    assert refused.value.details["retry_after_s"] == 60
    yard.clock.advance(61)
    await yard.people.sign_in.sign_in("admin", password_of(yard), "10.0.0.1")


async def test_somebody_else_s_wrong_passwords_lock_neither_the_owner_out_nor_the_neighbours(yard: Gateway) -> None:
    await wrong(yard, "ada", "10.0.0.1", 10)
    await wrong(yard, "admin", "10.0.0.1", 9)
    await yard.people.sign_in.sign_in("admin", password_of(yard), "10.0.0.1")
    await wrong(yard, "admin", "10.0.0.1")
    await yard.people.sign_in.sign_in("admin", password_of(yard), "10.0.0.2")


async def test_an_address_that_tries_many_names_waits(yard: Gateway) -> None:
    for number in range(60):
        await wrong(yard, f"nobody{number}", "10.0.0.1")
    with pytest.raises(TooMany):
        await yard.people.sign_in.sign_in("admin", password_of(yard), "10.0.0.1")
    await yard.people.sign_in.sign_in("admin", password_of(yard), "10.0.0.2")


async def test_a_name_that_is_tried_from_many_addresses_waits(yard: Gateway) -> None:
    for number in range(100):
        await wrong(yard, "ada", f"10.0.0.{number}")
    with pytest.raises(TooMany):
        await yard.people.sign_in.sign_in("ada", "wrong", "10.0.1.1")


async def test_wrong_present_passwords_count_for_whoever_is_signed_in_and_not_for_signing_in(yard: Gateway) -> None:
    change = {"current": "wrong", "new": "a long enough one"}
    statuses = [(await yard.call("POST", "/me/password", json=change)).status_code for _ in range(11)]
    assert statuses == [403] * 10 + [429]
    await yard.people.sign_in.sign_in("admin", password_of(yard), "127.0.0.1")
    yard.clock.advance(61)
    await wrong(yard, "admin", "127.0.0.1", 10)
    right = {"current": password_of(yard), "new": "a long enough one"}
    assert (await yard.call("POST", "/me/password", json=right)).status_code == 204


async def test_right_passwords_do_not_count(yard: Gateway) -> None:
    for _ in range(12):
        await yard.people.sign_in.sign_in("admin", password_of(yard), "127.0.0.1")


def forged(yard: Gateway, header: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
    """A token that is right but for what is given; a claim that is None is left out."""
    now = int(yard.clock.now().timestamp())
    body = {"iss": ISSUER, "aud": AUDIENCE, "sub": "admin", "iat": now, "exp": now + 60} | claims
    body = {name: value for name, value in body.items() if value is not None}
    newest = yard.keys.newest
    return jwt.encode(body, key or newest.private, algorithm=ALGORITHM, headers={"kid": newest.id} | (header or {}))


def hand_made(header: dict[str, Any], body: dict[str, Any], sign: Any) -> str:
    def part(value: bytes) -> str:
        return base64.urlsafe_b64encode(value).rstrip(b"=").decode()

    text = f"{part(json.dumps(header).encode())}.{part(json.dumps(body).encode())}"
    return f"{text}.{part(sign(text.encode()))}"


def forgeries(yard: Gateway) -> dict[str, str]:
    now = int(yard.clock.now().timestamp())
    key = yard.keys.newest
    public = key.private.public_key()
    body = {"iss": ISSUER, "aud": AUDIENCE, "sub": "admin", "iat": now, "exp": now + 60}
    secrets = {
        "raw": public.public_bytes_raw(),
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),
    }
    good = forged(yard)
    head, claims, signature = good.split(".")
    return {
        "empty": "",
        "words": "no token at all",
        "alg none": hand_made({"alg": "none", "kid": key.id}, body, lambda text: b""),
        "alg none with our signature": hand_made({"alg": "none", "kid": key.id}, body, key.private.sign),
        **{
            f"HS256 with the public key ({form})": hand_made(
                {"alg": "HS256", "kid": key.id}, body, lambda text, s=secret: hmac.new(s, text, hashlib.sha256).digest()
            )
            for form, secret in secrets.items()
        },
        "another key under our kid": forged(yard, key=Ed25519PrivateKey.generate()),
        "unknown kid": forged(yard, {"kid": "unknown"}),
        "kid that is no text": hand_made({"alg": ALGORITHM, "kid": 3}, body, key.private.sign),
        "no kid": hand_made({"alg": ALGORITHM}, body, key.private.sign),
        "unknown crit": forged(yard, {"crit": ["exp2"], "exp2": 1}),
        "wrong aud": forged(yard, aud="other"),
        "list of aud": forged(yard, aud=[AUDIENCE, "other"]),
        "no aud": forged(yard, aud=None),
        "wrong iss": forged(yard, iss="other"),
        "no iss": forged(yard, iss=None),
        "of a later generation": forged(yard, gen=1),
        "generation that is no number": forged(yard, gen="0"),
        "no sub": forged(yard, sub=None),
        "unknown account": forged(yard, sub="nobody"),
        "no exp": forged(yard, exp=None),
        "expired": forged(yard, exp=now - 1),
        "expires now": forged(yard, exp=now),
        "exp that is no time": hand_made({"alg": ALGORITHM, "kid": key.id}, body | {"exp": True}, key.private.sign),
        "exp beyond all time": hand_made({"alg": ALGORITHM, "kid": key.id}, body | {"exp": 1e300}, key.private.sign),
        "no iat": forged(yard, iat=None),
        "from the future": forged(yard, iat=now + 3600, exp=now + 7200),
        "changed claims": f"{head}.{claims[:-2]}AA.{signature}",
        "no signature": f"{head}.{claims}.",
        "too long": good + "A" * 10_000,
    }


async def test_a_good_token_counts_until_it_ends(yard: Gateway) -> None:
    token = {"Authorization": f"Bearer {forged(yard)}"}
    assert (await yard.http.get("/api/v1/me", headers=token)).json() == {
        "name": "admin",
        "admin": True,
        "vcs": {"default": "member"},
        "scope": "act",
        "grafana": None,
    }
    yard.clock.advance(60)
    answer = await yard.http.get("/api/v1/me", headers=token)
    assert answer.status_code == 401
    assert "expired" in answer.json()["detail"]


async def test_no_forgery_counts(yard: Gateway) -> None:
    for name, token in forgeries(yard).items():
        for _ in range(2):
            answer = await yard.http.get("/api/v1/me", headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code == 401, name
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_keys_survive_a_restart_and_rotated_ones_work(yard: Gateway) -> None:
    token = yard.token()
    other = Keys(yard.store, yard.clock)
    await other.start()
    assert other.newest.id == yard.keys.newest.id
    seed = base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
    await other._documents.insert(KeyDocument(id=new_id(), seed=seed, created_at=yard.clock.now()))
    await other.start()
    rotated = forged(yard, {"kid": other.newest.id}, key=other.newest.private)
    assert other.newest.id != yard.keys.newest.id
    bearer = {"Authorization": f"Bearer {rotated}"}
    assert (await yard.http.get("/api/v1/me", headers=bearer)).status_code == 401
    yard.clock.advance(REFETCH_S - 30)
    assert (await yard.http.get("/api/v1/me", headers=bearer)).status_code == 401
    yard.clock.advance(30)
    fresh = forged(yard, {"kid": other.newest.id}, key=other.newest.private)
    assert (await yard.http.get("/api/v1/me", headers={"Authorization": f"Bearer {fresh}"})).status_code == 200
    assert (await yard.http.get("/api/v1/me", headers=token)).status_code == 200


async def test_an_account_that_is_gone_stops_counting(yard: Gateway) -> None:
    await yard.add_account("ada")
    assert (await yard.call("GET", "/me", "ada")).status_code == 200
    await yard.accounts.documents._documents.delete("ada")
    yard.clock.advance(FRESH_S)
    assert (await yard.call("GET", "/me", "ada")).status_code == 401


async def test_signing_in_over_http(yard: Gateway) -> None:
    body = {"username": "admin", "password": password_of(yard)}
    answer = await yard.http.post("/api/v1/auth/token", json=body)
    assert answer.status_code == 200
    token = answer.json()
    assert (token["token_type"], token["expires_in"]) == ("bearer", 12 * 3600)
    me = await yard.http.get("/api/v1/me", headers={"Authorization": f"Bearer {token['access_token']}"})
    assert me.json()["name"] == "admin"
    for wrong in ({"username": "admin", "password": "x"}, {"username": "nobody", "password": "x"}):
        answer = await yard.http.post("/api/v1/auth/token", json=wrong)
        assert (answer.status_code, answer.json()["detail"]) == (401, "The name or the password is wrong.")
    answer = await yard.http.post("/api/v1/auth/token", json={"username": "admin"})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"field": "password", "message": "is required"}]


async def test_too_many_wrong_passwords_over_http_say_when_to_come_again(yard: Gateway) -> None:
    wrong = {"username": "admin", "password": "wrong"}
    answers = [await yard.http.post("/api/v1/auth/token", json=wrong) for _ in range(11)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert answers[-1].headers["retry-after"] == "60"
