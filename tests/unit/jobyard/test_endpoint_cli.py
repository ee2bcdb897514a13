"""`jobyard endpoint` and `jobyard dev`: what they send and what they print."""

from typing import Any

import pytest
from typer.testing import CliRunner, Result

from jobyard.cli.app import app
from tests.support.api_answers import JOB_ID, job
from tests.support.scripted_server import Answer, ScriptedServer, problem

JOB = f"/api/v1/jobs/{JOB_ID}"
ENDPOINTS = f"{JOB}/endpoints"
NOON = "2026-11-23T12:00:00.000Z"
URL = "http://127.0.0.1:8081/endpoints/x/jupyter/?ticket=jyt_1"


@pytest.fixture(autouse=True)
def environment(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_URL", server.url)
    monkeypatch.setenv("JOBYARD_TOKEN", "token")
    monkeypatch.setenv("TZ", "UTC")


def run(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def endpoint(name: str = "jupyter", status: str = "ready", **fields: Any) -> dict[str, Any]:
    return {
        "job_id": JOB_ID,
        "name": name,
        "kind": name.partition("-")[0],
        "port": None,
        "rank": 0,
        "status": status,
        "url": None if name == "ssh" else f"http://127.0.0.1:8081/endpoints/{JOB_ID}/{name}/",
        "command": f"ssh -p 2222 {JOB_ID}@127.0.0.1" if name == "ssh" else None,
        "reason": None,
        "requested_by": "admin",
        "requested_at": NOON,
        "last_used_at": None,
        "version": 3,
        **fields,
    }


def items(*endpoints: dict[str, Any]) -> Answer:
    return Answer(200, {"items": list(endpoints)})


def test_one_is_asked_for_and_how_to_get_in_is_printed(server: ScriptedServer) -> None:
    reason = {"code": "no_run", "message": "The job does not run now; its endpoints open when it does.", "details": {}}
    server.on("POST", ENDPOINTS, Answer(201, endpoint("ssh", "requested", reason=reason)))
    result = run("endpoint", "add", JOB_ID, "ssh")
    assert (result.exit_code, result.stdout) == (0, f"ssh -p 2222 {JOB_ID}@127.0.0.1\n")
    assert result.stderr == "The job does not run now; its endpoints open when it does.\n"
    assert server.asked[-1].body == {"name": "ssh", "rank": 0}


def test_the_list_says_status_address_and_why(server: ScriptedServer) -> None:
    reason = {"code": "program_missing", "message": "TensorBoard is not installed.", "details": {}}
    server.on("GET", ENDPOINTS, items(endpoint("ssh"), endpoint("tensorboard", "failed", reason=reason)))
    lines = run("endpoint", "list", JOB_ID).stdout.splitlines()
    assert lines[0].split() == ["Name", "Status", "Last", "used", "Address", "or", "command", "Reason"]
    assert lines[1].split()[:2] == ["ssh", "ready"]
    assert "TensorBoard is not installed." in lines[2]


def test_opening_waits_until_it_is_ready_and_prints_the_address_that_works_once(server: ScriptedServer) -> None:
    server.on("POST", ENDPOINTS, Answer(201, endpoint(status="starting")))
    server.on("GET", ENDPOINTS, items(endpoint(status="starting")), items(endpoint()))
    server.on("POST", f"{ENDPOINTS}/jupyter/ticket", Answer(201, {"url": URL, "expires_at": NOON}))
    result = run("endpoint", "open", JOB_ID, "jupyter", "--print")
    assert (result.exit_code, result.stdout) == (0, f"{URL}\n")


def test_what_failed_is_said_and_the_exit_code_is_that_of_a_refusal(server: ScriptedServer) -> None:
    reason = {"code": "program_missing", "message": "Jupyter is not installed where the job runs.", "details": {}}
    server.on("POST", ENDPOINTS, Answer(201, endpoint(status="starting")))
    server.on("GET", ENDPOINTS, items(endpoint(status="failed", reason=reason)))
    result = run("endpoint", "open", JOB_ID, "jupyter", "--print")
    assert result.exit_code == 4
    assert "Jupyter is not installed where the job runs." in result.stderr


def test_ssh_is_opened_in_a_terminal(server: ScriptedServer) -> None:
    server.on("POST", ENDPOINTS, Answer(201, endpoint("ssh")))
    result = run("endpoint", "open", JOB_ID, "ssh")
    assert result.exit_code == 4
    assert f"ssh -p 2222 {JOB_ID}@127.0.0.1" in result.stderr


def test_one_that_was_never_asked_for_cannot_be_closed(server: ScriptedServer) -> None:
    server.on("DELETE", f"{ENDPOINTS}/ssh", problem(404, "Job x has no endpoint 'ssh'."))
    assert run("endpoint", "remove", JOB_ID, "ssh").exit_code == 3
    server.on("DELETE", f"{ENDPOINTS}/jupyter", Answer(200, endpoint(status="closed")))
    assert run("endpoint", "remove", JOB_ID, "jupyter").stderr == "Closed jupyter.\n"


def test_dev_submits_a_job_without_a_command_and_prints_the_line_for_an_editor(server: ScriptedServer) -> None:
    server.on("POST", "/api/v1/jobs", Answer(201, job(name="dev")))
    server.on("GET", JOB, Answer(200, job(name="dev")), Answer(200, job(name="dev", status="running", version=3)))
    server.on("GET", ENDPOINTS, items(endpoint("ssh")))
    result = run("dev", "--ssh", "--device-type", "v100", "--devices", "1", "--port", "8080")
    assert (result.exit_code, result.stdout) == (0, f"ssh -p 2222 {JOB_ID}@127.0.0.1\n")
    body = next(asked.body for asked in server.asked if asked.method == "POST")
    assert body == {
        "name": "dev",
        "device_type": "v100",
        "devices": 1,
        "endpoints": ["ssh"],
        "interactive_ports": [8080],
    }


def test_dev_opens_jupyter(server: ScriptedServer) -> None:
    server.on("POST", "/api/v1/jobs", Answer(201, job(name="dev", status="running")))
    server.on("GET", JOB, Answer(200, job(name="dev", status="running")))
    server.on("GET", ENDPOINTS, items(endpoint(), endpoint("ssh")))
    server.on("POST", f"{ENDPOINTS}/jupyter/ticket", Answer(201, {"url": URL, "expires_at": NOON}))
    assert run("dev", "--print").stdout == f"{URL}\n"


def test_dev_says_why_its_job_does_not_run(server: ScriptedServer) -> None:
    server.on("POST", "/api/v1/jobs", Answer(201, job(name="dev")))
    server.on("GET", JOB, Answer(200, job(name="dev", status="killed", version=3)))
    result = run("dev", "--ssh")
    assert result.exit_code == 1
    assert "killed" in result.stderr
