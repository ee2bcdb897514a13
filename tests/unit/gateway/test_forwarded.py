"""Grafana asks in the name of who is signed in there: by an ID token that the issuer made for it, and by no other."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from services.gateway.audited import BY_ITSELF, Author
from services.gateway.domain.access import Role
from services.gateway.fresh import FRESH_S
from services.gateway.oidc.settings import OidcSettings
from tests.support.gateway import START, Gateway, gateway
from tests.support.oidc import CLIENT_ID, Issuer, issuer, new_key
from tests.support.prometheus_double import PrometheusDouble, prometheus_double

PATH = "/api/v1/prometheus/api/v1/query"
CPU = "jobyard_job_cpu_seconds_total"
GRAFANA = "grafana"


@pytest.fixture(scope="module")
def idp() -> Iterator[Issuer]:
    with issuer() as running:
        yield running


@pytest.fixture
def asked() -> Iterator[PrometheusDouble]:
    with prometheus_double() as running:
        yield running


@pytest.fixture
async def yard(tmp_path: Path, asked: PrometheusDouble, idp: Issuer) -> AsyncGenerator[Gateway, None]:
    oidc = OidcSettings(issuer=idp.url, client_id=CLIENT_ID, forwarded_clients=(GRAFANA,))
    async with gateway(tmp_path, prometheus_url=asked.url, oidc=oidc) as running:
        subject = f"{idp.url} sub-of-olive"
        await running.people.vcs.create("lab", {"open": False}, BY_ITSELF)
        await running.accounts.create("olive", Author("olive"), subject=subject, vcs={"lab": Role.MEMBER})
        yield running


def token(idp: Issuer, **claims: Any) -> str:
    now = int(START.timestamp())
    standard = {"iss": idp.url, "aud": GRAFANA, "sub": "sub-of-olive", "iat": now, "exp": now + 300}
    return idp.sign({name: value for name, value in (standard | claims).items() if value is not None})


async def ask(yard: Gateway, id_token: str, path: str = PATH, **headers: str) -> httpx.Response:
    sent = {"Authorization": "Bearer the-issuers-access-token", "X-ID-Token": id_token, **headers}
    return await yard.http.get(path, params={"query": CPU}, headers=sent)


async def test_who_is_signed_in_at_grafana_reads_the_own_jobs(
    yard: Gateway, asked: PrometheusDouble, idp: Issuer
) -> None:
    assert (await ask(yard, token(idp))).status_code == 200
    assert asked.last.parameters["query"] == [f'{{__name__="{CPU}",owner="olive"}}']
    assert "x-id-token" not in asked.last.headers
    by_form = await yard.http.post(PATH, data={"query": CPU}, headers={"X-ID-Token": token(idp)})
    assert by_form.status_code == 200
    several = token(idp, aud=[GRAFANA, "another"], azp=GRAFANA)
    assert (await ask(yard, several)).status_code == 200


async def test_it_opens_nothing_but_the_way_to_prometheus(yard: Gateway, idp: Issuer) -> None:
    for path in ("/api/v1/jobs", "/api/v1/me", "/api/v1/prometheusx", "/api/v1/Prometheus/api/v1/query"):
        assert (await ask(yard, token(idp), path)).status_code == 401
    as_bearer = {"Authorization": f"Bearer {token(idp)}"}
    assert (await yard.http.get(PATH, params={"query": CPU}, headers=as_bearer)).status_code == 401


async def test_no_other_id_token_counts(yard: Gateway, asked: PrometheusDouble, idp: Issuer) -> None:
    now = int(START.timestamp())
    good = jwt.decode(token(idp), options={"verify_signature": False})
    wrong = {
        "for this platform itself": token(idp, aud=CLIENT_ID),
        "for another client": token(idp, aud="another"),
        "for several, by another": token(idp, aud=[GRAFANA, "another"], azp="another"),
        "for several, by nobody": token(idp, aud=[GRAFANA, "another"]),
        "over": token(idp, exp=now - 61),
        "of tomorrow": token(idp, iat=now + 86_400),
        "of another issuer": token(idp, iss="https://evil.example"),
        "of nobody": token(idp, sub=None),
        "without an end": token(idp, exp=None),
        "by another key": idp.sign(good, new_key()),
        "by the right name and another key": jwt.encode(
            good, new_key().private, algorithm="RS256", headers={"kid": idp.key.kid}
        ),
        "by nobody's key": jwt.encode(good, "", algorithm="none", headers={"kid": idp.key.kid}),
        "by a shared secret": jwt.encode(good, "s" * 32, algorithm="HS256", headers={"kid": idp.key.kid}),
        "critical": idp.sign(good, crit=["x"]),
        "no token": "x",
        "empty": "",
        "too long": token(idp, padding="x" * 20_000),
    }
    for name, forged in wrong.items():
        answer = await ask(yard, forged)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), name
        in_spite = await ask(yard, forged, **yard.token("admin"))
        assert in_spite.status_code == 401, name
    assert asked.asked == []


async def test_it_makes_no_account(yard: Gateway, idp: Issuer) -> None:
    answer = await ask(yard, token(idp, sub="sub-of-nora", preferred_username="nora"))
    assert (answer.status_code, "Sign in to it once" in answer.json()["detail"]) == (401, True)
    assert await yard.accounts.get("nora") is None
    known_by_name = token(idp, sub="sub-of-nora", preferred_username="admin")
    assert (await ask(yard, known_by_name)).status_code == 401


async def test_a_disabled_account_reads_nothing(yard: Gateway, idp: Issuer) -> None:
    assert (await ask(yard, token(idp))).status_code == 200
    await yard.accounts.update("olive", BY_ITSELF, {"disabled": True})
    yard.clock.advance(2 * FRESH_S)
    assert (await ask(yard, token(idp))).status_code == 401


async def test_without_clients_that_may_pass_tokens_on_none_is_taken(
    tmp_path: Path, asked: PrometheusDouble, idp: Issuer
) -> None:
    oidc = OidcSettings(issuer=idp.url, client_id=CLIENT_ID)
    async with gateway(tmp_path, prometheus_url=asked.url, oidc=oidc) as plain:
        await plain.accounts.create("olive", Author("olive"), subject=f"{idp.url} sub-of-olive", vcs={})
        for aud in (GRAFANA, CLIENT_ID):
            assert (await ask(plain, token(idp, aud=aud))).status_code == 401
        assert (await ask(plain, token(idp), **plain.token("olive"))).status_code == 200
