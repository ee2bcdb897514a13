"""From a real job to the hours that it has used, and who may see them, on a whole platform."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.platform import Platform, platform
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(simulate="v100=4") as running:
        yield running


def lines(yard: Platform, query: str = "", headers: dict[str, str] | None = None) -> list[dict[str, Any]]:
    """By user and virtual cluster, from yesterday to tomorrow: a test may run at midnight."""
    first, last = (datetime.now(UTC).date() + timedelta(days=number) for number in (-1, 1))
    path = f"/usage?first={first}&last={last}&group=vc,owner&{query}"
    found: list[dict[str, Any]] = yard.call("GET", path, 200, headers=headers or {})["items"]
    return found


def of(yard: Platform, vc: str, device_type: str) -> dict[str, Any]:
    found = [line for line in lines(yard, f"vc={vc}") if line["device_type"] == device_type]
    return found[0] if found else {"runs": 0}


def test_hours_of_devices_are_counted_once_a_run_is_over_also_after_a_kill_of_the_service(yard: Platform) -> None:
    yard.call("POST", "/vcs", 201, json={"name": "lab"})
    yard.call("PATCH", "/users/admin", 200, json={"vcs": {"lab": "member"}})
    wait_until(lambda: "lab" in yard.call("GET", "/me", 200)["vcs"], "the membership counts")
    done = yard.submit("true", vc="lab", device_type="v100", devices=2)
    yard.wait(done)
    wait_until(lambda: of(yard, "lab", "v100")["runs"] == 1, "its run is counted")
    line = of(yard, "lab", "v100")
    assert line["owner"] == "admin"
    assert line["device_hours"] > 0
    assert (line["unknown_hours"], line["idle_hours"]) == (line["device_hours"], 0), "simulated devices tell nothing"
    assert line["lost_to_failure_hours"] == 0
    yard.kill_part("core")
    wait_until(yard.is_ready, "it answers again")
    failed = yard.submit("exit 3", vc="lab", device_type="v100", devices=2)
    yard.wait(failed)
    wait_until(lambda: of(yard, "lab", "v100")["runs"] == 2, "both runs are counted, each once")
    assert 0 < of(yard, "lab", "v100")["lost_to_failure_hours"] < of(yard, "lab", "v100")["device_hours"]


def test_what_an_attempt_has_used_stays_in_the_job_s_history(yard: Platform) -> None:
    job = yard.submit("sleep 600", device_type="v100", devices=2)
    yard.wait(job, "running")
    yard.call("POST", f"/jobs/{job}/pause", 202)
    yard.wait(job, "paused")
    yard.call("POST", f"/jobs/{job}/resume", 202)
    yard.wait(job, "running")
    yard.call("POST", f"/jobs/{job}/kill", 202)
    yard.wait(job, "killed")
    events = yard.call("GET", f"/jobs/{job}/events", 200)["items"]
    used = [event["data"]["usage"] for event in events if event["data"].get("usage")]
    assert len(used) == 2, "one for each of its attempts"
    for usage in used:
        assert usage["device_seconds"] == pytest.approx(2 * usage["seconds"])


def test_a_member_sees_the_own_hours_and_an_administrator_of_a_vc_all_of_it(yard: Platform) -> None:
    yard.call("POST", "/vcs", 201, json={"name": "team"})
    for name, role in (("ada", "member"), ("vera", "admin")):
        yard.call("POST", "/users", 201, json={"username": name, "password": "correct horse", "vcs": {"team": role}})
    signed_in = {name: _headers(yard, name) for name in ("ada", "vera")}
    body = {"name": "j", "command": "true", "vc": "team"}
    job = yard.call("POST", "/jobs", 201, json=body, headers=signed_in["ada"])["id"]
    yard.wait(job)
    wait_until(lambda: of(yard, "team", "cpu")["runs"] == 1, "its run is counted")
    for name in ("ada", "vera"):
        assert [(line["vc"], line["owner"]) for line in lines(yard, headers=signed_in[name])] == [("team", "ada")]
    yard.call("GET", "/usage?owner=admin", 403, headers=signed_in["ada"])
    yard.call("GET", "/usage?owner=vera", 403, headers=signed_in["ada"])
    assert lines(yard, "vc=lab", headers=signed_in["vera"]) == []


def _headers(yard: Platform, name: str) -> dict[str, str]:
    answer = yard.http.post("/api/v1/auth/token", json={"username": name, "password": "correct horse"})
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}
