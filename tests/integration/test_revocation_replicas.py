"""Two gateways on one MongoDB: what one of them revokes does not count at the other either."""

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.support.people import PASSWORD, Browser, Person, add, admin, in_browser
from tests.support.platform import CHECKOUT
from tests.support.ports import free_port
from tests.support.separate import SeparateServices, separate_services
from tests.support.waiting import wait_until

WITHIN_S = 20.0


@dataclass
class Other:
    """The second gateway, asked in the name of the same people."""

    yard: SeparateServices
    url: str
    http: httpx.Client

    def of(self, person: Person) -> Person:
        return Person(self, person.name, person.token)


@pytest.fixture(scope="module")
def other() -> Iterator[Other]:
    with separate_services() as yard:
        port = free_port()
        environment = yard._environment | {"JOBYARD_PORT": str(port)}
        command = [sys.executable, "-m", "services.gateway"]
        with (
            yard.log.open("ab") as log,
            subprocess.Popen(
                command, cwd=CHECKOUT, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
            ) as process,
        ):
            url = f"http://127.0.0.1:{port}"
            with httpx.Client(base_url=url, timeout=30, trust_env=False) as http:
                wait_until(lambda: _ready(http), "the second gateway is ready")
                yield Other(yard, url, http)
            process.terminate()


def _ready(http: httpx.Client) -> bool:
    try:
        return http.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def test_what_one_replica_changes_counts_at_the_other(other: Other) -> None:
    root = admin(other.yard)
    root.call("POST", "/vcs", 201, json={"name": "lab"})
    ada = add(other.yard, "ada", {"lab": "member"})
    there = other.of(ada)
    assert there.call("GET", "/me", 200)["vcs"] == {"lab": "member"}
    made = ada.call("POST", "/me/tokens", 201, json={"name": "t", "scope": "act"})
    script = Person(other, "ada", made["token"])
    feed, console = there.follow("/events"), script.follow("/events")
    wait_until(lambda: feed.status == 200 and console.status == 200, "both feeds are open there")
    root.call("PATCH", "/users/ada", 200, json={"vcs": {"lab": "admin"}})
    wait_until(lambda: there.call("GET", "/me", 200)["vcs"] == {"lab": "admin"}, "the role counts", WITHIN_S)
    ada.call("DELETE", f"/me/tokens/{made['id']}", 204)
    wait_until(lambda: script.status("GET", "/me") == 401, "the API token stops", WITHIN_S)
    wait_until(lambda: not console.open, "its feed is cut", WITHIN_S)
    root.call("PATCH", "/users/ada", 200, json={"disabled": True})
    wait_until(lambda: there.status("GET", "/me") == 401, "the token stops", WITHIN_S)
    wait_until(lambda: not feed.open, "the feed is cut", WITHIN_S)


def test_a_sign_in_that_ends_at_one_replica_ends_at_the_other_with_its_streams(other: Other) -> None:
    add(other.yard, "grace")
    here, elsewhere = (in_browser(other.yard, {"username": "grace", "password": PASSWORD}) for _ in range(2))
    there, still = (Browser(other, "grace", browser.token) for browser in (here, elsewhere))
    feed, kept = there.follow("/events"), still.follow("/events")
    wait_until(lambda: feed.status == 200 and kept.status == 200, "both feeds are open there")
    here.call("DELETE", "/auth/session", 204)
    wait_until(lambda: there.status("GET", "/me") == 401, "the sign-in has ended", WITHIN_S)
    wait_until(lambda: not feed.open, "its feed is cut", WITHIN_S)
    assert kept.open
    assert still.status("GET", "/me") == 200


def test_a_bound_of_a_vc_counts_at_the_other_replica(other: Other) -> None:
    root = admin(other.yard)
    root.call("POST", "/vcs", 201, json={"name": "small"})
    there = other.of(add(other.yard, "bob", {"small": "member"}))
    body: dict[str, Any] = {"name": "j", "command": "sleep 1000", "vc": "small", "cpus": 0.01, "grace_period_s": 0}
    there.call("POST", "/jobs", 201, json=body)
    root.call("PATCH", "/vcs/small", 200, json={"jobs_per_user": 1})
    wait_until(lambda: there.status("POST", "/jobs", json=body) == 409, "the bound counts", WITHIN_S)


def test_a_person_s_change_of_a_job_is_one_entry_of_the_audit_whichever_replica_heard_of_it(other: Other) -> None:
    root = admin(other.yard)
    ids = [root.submit("true", cpus=0.01) for _ in range(20)]

    def audited() -> list[str]:
        items = root.call("GET", "/audit", 200, params={"action": "job.submitted", "limit": 500})["items"]
        return [entry["target"].removeprefix("job/") for entry in items]

    wait_until(lambda: set(ids) <= set(audited()), "all are there")
    assert len(audited()) == len(set(audited()))
    assert other.of(root).call("GET", "/users", 200) == root.call("GET", "/users", 200)


def test_a_token_of_a_new_password_counts_at_the_other_replica_at_once(other: Other) -> None:
    cleo = add(other.yard, "cleo")
    assert other.of(cleo).status("GET", "/me") == 200
    cleo.call("POST", "/me/password", 204, json={"current": PASSWORD, "new": "another long one"})
    credentials = {"username": "cleo", "password": "another long one"}
    token = other.http.post("/api/v1/auth/token", json=credentials).json()["access_token"]
    assert other.of(Person(other.yard, "cleo", token)).status("GET", "/me") == 200
