"""Behind a proxy: whose address a request comes from, and so whose quota it takes; and over what it came."""

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


def browser_signs_in(yard: Platform, said: str, page: str) -> httpx.Response:
    """As a proxy passes it on that was reached by this scheme."""
    body = {"username": "admin", "password": (yard.data / "admin-password").read_text()}
    return yard.post("/api/v1/auth/session", json=body, headers={"X-Forwarded-Proto": said, "Origin": page})


def test_without_trusted_proxies_everybody_behind_one_shares_its_quota() -> None:
    with platform(**ONE_PER_MINUTE) as yard:
        use_up(yard, "203.0.113.1")
        answer = sign_in(yard, "203.0.113.2", "bystander")
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0


def test_a_browser_behind_a_trusted_proxy_gets_its_cookie_for_https_and_from_any_other_one_for_http() -> None:
    with platform() as yard:
        assert browser_signs_in(yard, "https", yard.url.replace("http", "https")).status_code == 403
        plain = browser_signs_in(yard, "https", yard.url).headers["set-cookie"]
        assert plain.startswith("jobyard_session=") and "Secure" not in plain
    with platform(JOBYARD_GATEWAY_TRUSTED_PROXIES="127.0.0.1") as yard:
        page = yard.url.replace("http", "https")
        given = browser_signs_in(yard, "https", page).headers["set-cookie"]
        assert given.startswith("__Host-jobyard_session=") and "Secure" in given and "Path=/;" in given
        headers = {"Cookie": given.partition(";")[0], "X-Forwarded-Proto": "https"}
        job = {"name": "j", "command": "true"}
        for origin, status in ((page, 201), (yard.url, 403)):
            answer = yard.post("/api/v1/jobs", json=job, headers=headers | {"Origin": origin})
            assert answer.status_code == status
        assert yard.http.get("/api/v1/me", headers=headers | {"X-Forwarded-Proto": "http"}).status_code == 401


def test_behind_a_trusted_proxy_each_client_has_a_quota_of_its_own() -> None:
    with platform(**ONE_PER_MINUTE, JOBYARD_GATEWAY_TRUSTED_PROXIES="127.0.0.1") as yard:
        use_up(yard, "203.0.113.1")
        assert sign_in(yard, "203.0.113.2", "bystander").status_code == 401
