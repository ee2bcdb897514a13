"""Ways into a job on the running platform: from the submission to the job's end, over pauses, retries and restarts."""

from collections.abc import Iterator
from typing import Any

import pytest

from shared.contracts.job import IDLE
from tests.support.platform import Platform, platform
from tests.support.waiting import seen, wait_until

SLEEP = "trap 'exit 0' TERM; sleep 600 & wait"


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(JOBYARD_ENDPOINTS_PYTHON="/nowhere/python") as running:
        yield running


@pytest.fixture(scope="module")
def sleeper(yard: Platform) -> str:
    return yard.submit(SLEEP)


def endpoints(yard: Platform, id: str) -> dict[str, dict[str, Any]]:
    return {item["name"]: item for item in yard.call("GET", f"/jobs/{id}/endpoints", 200)["items"]}


def wait_for(yard: Platform, id: str, name: str, status: str) -> dict[str, Any]:
    final = (status, "failed")
    found = seen(lambda: endpoints(yard, id)[name], lambda one: one["status"] in final, f"{name} is {status}")
    assert found["status"] == status, found
    return found


def test_what_a_job_was_submitted_with_is_ready_while_it_runs_and_closed_when_it_is_over(yard: Platform) -> None:
    id = yard.submit(SLEEP, endpoints=["ssh"], interactive_ports=[8080, 9090])
    assert list(endpoints(yard, id)) == ["port-8080", "port-9090", "ssh"]
    ssh = wait_for(yard, id, "ssh", "ready")
    assert (ssh["kind"], ssh["port"], ssh["rank"], ssh["url"], ssh["requested_by"]) == ("ssh", None, 0, None, "admin")
    assert ssh["command"] == f"ssh -p {yard.ssh_port} {id}@127.0.0.1"
    port = wait_for(yard, id, "port-8080", "ready")
    assert (port["kind"], port["port"]) == ("port", 8080)
    assert port["url"] == f"{yard.door_url}/endpoints/{id}/port-8080/"
    assert port["command"] == f"jobyard port-forward {id} 8080"
    yard.call("POST", f"/jobs/{id}/kill", 202)
    yard.wait(id, "killed")
    closed = wait_for(yard, id, "ssh", "closed")
    assert closed["reason"]["code"] == "job_over"
    yard.call("POST", f"/jobs/{id}/endpoints", 409, json={"name": "ssh"})


def test_a_pause_takes_it_back_to_requested_and_the_next_run_makes_it_ready_again(yard: Platform) -> None:
    id = yard.submit(SLEEP, endpoints=["ssh"])
    wait_for(yard, id, "ssh", "ready")
    yard.call("POST", f"/jobs/{id}/pause", 202)
    yard.wait(id, "paused")
    assert wait_for(yard, id, "ssh", "requested")["reason"]["code"] == "no_run"
    yard.call("POST", f"/jobs/{id}/resume", 202)
    wait_for(yard, id, "ssh", "ready")
    assert yard.job(id)["attempt"] == 2
    yard.call("POST", f"/jobs/{id}/kill", 202)


def test_one_is_added_closed_and_opened_again_while_the_job_runs(yard: Platform) -> None:
    id = yard.submit(SLEEP)
    yard.wait(id, "running")
    assert endpoints(yard, id) == {}
    added = yard.call("POST", f"/jobs/{id}/endpoints", 201, json={"name": "port", "port": 7000})
    assert (added["name"], added["port"]) == ("port-7000", 7000)
    ready = wait_for(yard, id, "port-7000", "ready")
    again = yard.call("POST", f"/jobs/{id}/endpoints", 201, json={"name": "port-7000"})
    assert again["version"] == ready["version"]
    closed = yard.call("DELETE", f"/jobs/{id}/endpoints/port-7000", 200)
    assert (closed["status"], closed["reason"]["code"]) == ("closed", "removed")
    yard.call("DELETE", f"/jobs/{id}/endpoints/ssh", 404)
    yard.call("POST", f"/jobs/{id}/endpoints", 201, json={"name": "port-7000"})
    wait_for(yard, id, "port-7000", "ready")
    yard.call("POST", f"/jobs/{id}/pause", 202)
    wait_for(yard, id, "port-7000", "requested")
    yard.call("POST", f"/jobs/{id}/kill", 202)
    wait_for(yard, id, "port-7000", "closed")


def test_a_retry_makes_it_ready_for_the_next_attempt(yard: Platform) -> None:
    id = yard.submit(f'[ "$JOBYARD_ATTEMPT" = 1 ] && exit 3; {SLEEP}', endpoints=["ssh"], retries=1)
    wait_until(lambda: yard.job(id)["attempt"] == 2, "it is tried again")
    wait_for(yard, id, "ssh", "ready")
    yard.call("POST", f"/jobs/{id}/kill", 202)


def test_a_job_without_a_command_runs_until_it_is_stopped(yard: Platform) -> None:
    job = yard.call("POST", "/jobs", 201, json={"name": "dev", "interactive_ports": [8080]})
    assert job["command"] == IDLE
    yard.wait(job["id"], "running")
    yard.call("POST", f"/jobs/{job['id']}/pause", 202)
    assert yard.wait(job["id"], "paused")["exit_code"] == 0
    yard.call("POST", f"/jobs/{job['id']}/resume", 202)
    yard.wait(job["id"], "running")
    yard.call("POST", f"/jobs/{job['id']}/kill", 202)
    assert yard.wait(job["id"])["status"] == "killed"
    refused = yard.call("POST", "/jobs", 422, json={"name": "none"})
    assert refused["errors"][0]["field"] == "command"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": "vnc"}, "name"),
        ({"name": "port"}, "port"),
        ({"name": "port-80"}, "name"),
        ({"name": "port-99999"}, "name"),
        ({"name": "port-8080", "port": 9090}, "port"),
        ({"name": "ssh", "port": 8080}, "port"),
        ({"name": "port", "port": 80}, "port"),
        ({"name": "port", "port": "8080"}, "port"),
        ({"name": {"$ne": None}}, "name"),
        ({"name": "ssh", "rank": 1}, "rank"),
        ({"name": "ssh", "rank": -1}, "rank"),
        ({"name": "ssh", "host": "169.254.169.254"}, "host"),
        ({}, "name"),
    ],
)
def test_what_is_no_endpoint_is_refused_by_its_field_and_nothing_is_stored(
    yard: Platform, sleeper: str, body: dict[str, Any], field: str
) -> None:
    id = sleeper
    problem = yard.call("POST", f"/jobs/{id}/endpoints", 422, json=body)
    assert [error["field"] for error in problem["errors"]] == [field]
    assert endpoints(yard, id) == {}


def test_what_people_open_and_close_is_in_the_audit(yard: Platform) -> None:
    id = yard.submit(SLEEP)
    yard.call("POST", f"/jobs/{id}/endpoints", 201, json={"name": "ssh"})
    yard.call("DELETE", f"/jobs/{id}/endpoints/ssh", 200)

    def actions() -> list[str]:
        items = yard.call("GET", "/audit", 200, params={"target": f"job/{id}"})["items"]
        return sorted(item["action"] for item in items if item["details"].get("name") == "ssh")

    wait_until(lambda: actions() == ["endpoint.closed", "endpoint.requested"], "both are in the audit")
    yard.call("POST", f"/jobs/{id}/kill", 202)


def test_a_job_that_does_not_exist_has_no_endpoints(yard: Platform) -> None:
    for method, path in (("GET", ""), ("POST", ""), ("DELETE", "/ssh")):
        yard.call(method, f"/jobs/01JD8F2M5V7Q0R3S6T9W2X4Y8Z/endpoints{path}", 404, json={"name": "ssh"})
    yard.call("GET", "/jobs/a.b/endpoints", 422)
    yard.call("DELETE", "/jobs/01JD8F2M5V7Q0R3S6T9W2X4Y8Z/endpoints/a..b", 422)


@pytest.mark.parametrize(("name", "package"), [("jupyter", "jupyterlab"), ("tensorboard", "tensorboard")])
def test_a_program_that_is_missing_fails_with_what_to_install(yard: Platform, name: str, package: str) -> None:
    id = yard.submit(SLEEP, endpoints=[name], env={"PATH": "/usr/bin:/bin"})
    wait_until(lambda: endpoints(yard, id)[name]["status"] == "failed", "its absence is noticed")
    reason = endpoints(yard, id)[name]["reason"]
    assert reason["code"] == "program_missing"
    assert f"`pip install {package}`" in reason["message"]
    yard.call("POST", f"/jobs/{id}/kill", 202)


def test_what_a_killed_service_left_undone_is_done_after_its_start(yard: Platform) -> None:
    id = yard.submit(SLEEP, endpoints=["ssh"])
    wait_for(yard, id, "ssh", "ready")
    later = yard.submit("sleep 0.1; " + SLEEP, endpoints=["ssh"], cpus=0.1)
    yard.kill_part("endpoints")
    yard.call("POST", f"/jobs/{id}/kill", 202)
    yard.wait(id)
    wait_for(yard, id, "ssh", "closed")
    wait_for(yard, later, "ssh", "ready")
    yard.call("POST", f"/jobs/{later}/kill", 202)
