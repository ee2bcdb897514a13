"""Behind a proxy: whose address a request comes from, and so whose quota it takes."""

import httpx

from tests.support.platform import Platform, platform
from tests.support.waiting import wait_until

WRONG = {"password": "certainly wrong"}
ONE_PER_MINUTE = {"JOBYARD_GATEWAY_WRONG_PASSWORDS_PER_MINUTE": "1"}


def sign_in(yard: Platform, client: str, name: str) -> httpx.Response:
    """As a proxy passes it on for a client."""
    return yard.post("/api/v1/auth/token", json=WRONG | {"username": name}, headers={"X-Forwarded-For": client})


def use_up(yard: Platform, client: str) -> None:
    """Try one name after the other until the address has had enough."""
    names = iter(range(1000))
    wait_until(lambda: sign_in(yard, client, f"user-{next(names)}").status_code == 429, "its quota is used up")


def test_without_trusted_proxies_everybody_behind_one_shares_its_quota() -> None:
    with platform(**ONE_PER_MINUTE) as yard:
        use_up(yard, "203.0.113.1")
        answer = sign_in(yard, "203.0.113.2", "bystander")
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0


def test_behind_a_trusted_proxy_each_client_has_a_quota_of_its_own() -> None:
    with platform(**ONE_PER_MINUTE, JOBYARD_GATEWAY_TRUSTED_PROXIES="127.0.0.1") as yard:
        use_up(yard, "203.0.113.1")
        assert sign_in(yard, "203.0.113.2", "bystander").status_code == 401
