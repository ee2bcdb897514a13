"""`jobyard endpoint` and `jobyard dev`: what they send and what they print."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from jobyard import Client
from jobyard.cli.app import app
from jobyard.cli.entering import why_cut
from jobyard.cli.ssh import own_first
from jobyard.cli.times import local
from tests.support.api_answers import JOB_ID, job, page
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


def test_what_is_for_a_browser_is_answered_with_its_status_and_how_to_open_it(server: ScriptedServer) -> None:
    server.on("POST", ENDPOINTS, Answer(201, endpoint("port-9000", "starting")))
    result = run("endpoint", "add", JOB_ID, "9000")
    assert result.stdout == f"port-9000 is starting; `jobyard endpoint open {JOB_ID} port-9000` opens it.\n"
    assert server.asked[-1].body == {"name": "port-9000", "rank": 0}


def test_the_list_is_one_json_document(server: ScriptedServer) -> None:
    server.on("GET", ENDPOINTS, items(endpoint("jupyter"), endpoint("ssh")))
    found = json.loads(run("endpoint", "list", JOB_ID, "--json").stdout)
    assert [item["name"] for item in found] == ["jupyter", "ssh"]


def test_moments_are_shown_in_local_time(server: ScriptedServer) -> None:
    reason = {"code": "kept", "message": "Until 2026-11-23 12:00:00 UTC.", "details": {}}
    server.on("GET", ENDPOINTS, items(endpoint("tensorboard", reason=reason)))
    noon = local(datetime(2026, 11, 23, 12, tzinfo=UTC))
    assert f"Until {noon}." in run("endpoint", "list", JOB_ID).stdout


def test_the_list_says_status_address_and_why(server: ScriptedServer) -> None:
    reason = {"code": "program_missing", "message": "TensorBoard is not installed.", "details": {}}
    server.on("GET", ENDPOINTS, items(endpoint("ssh"), endpoint("tensorboard", "failed", reason=reason)))
    lines = run("endpoint", "list", JOB_ID).stdout.splitlines()
    assert lines[0].split() == ["Name", "Status", "Last", "used", "Address", "or", "command", "Reason"]
    assert lines[1].split()[:2] == ["ssh", "ready"]
    assert "TensorBoard is not installed." in lines[2]


def test_opening_says_what_it_waits_for_while_the_job_waits(server: ScriptedServer) -> None:
    reason = {"code": "paused", "message": "Paused by ada.", "details": {}}
    paused = Answer(200, job(name="mine", status="paused", reason=reason))
    server.on("POST", ENDPOINTS, Answer(201, endpoint(status="requested")))
    server.on("GET", JOB, paused, paused, Answer(200, job(name="mine", status="running", version=2)))
    server.on("GET", ENDPOINTS, items(endpoint(status="requested")), items(endpoint()))
    server.on("POST", f"{ENDPOINTS}/jupyter/ticket", Answer(201, {"url": URL, "expires_at": NOON}))
    result = run("endpoint", "open", JOB_ID, "jupyter", "--print")
    assert (result.exit_code, result.stdout) == (0, f"{URL}\n")
    assert "Job mine is paused; waiting until it runs. Paused by ada." in result.stderr
    assert "Waiting until jupyter has started." in result.stderr


def test_opening_waits_until_it_is_ready_and_prints_the_address_that_works_once(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(200, job(status="running")))
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


KEYS = "/api/v1/me/keys"


@pytest.fixture
def nobody_else(server: ScriptedServer) -> None:
    """I have no job yet, and no key."""
    server.on("GET", "/api/v1/jobs", page())
    server.on("GET", KEYS, Answer(200, {"items": []}))


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("mine", "mine"),
        ("mine ls -l", "mine -- ls -l"),
        ("mine --rank 1 ls --rank 2", "mine --rank 1 -- ls --rank 2"),
        ("-t mine top -d 1", "-t mine -- top -d 1"),
        ("--rank=1 mine -t", "--rank=1 mine -t"),
        ("mine -- ls -l", "mine -- ls -l"),
    ],
)
def test_options_after_the_first_word_of_a_command_are_the_commands(typed: str, read: str) -> None:
    assert own_first(typed.split(), {"--rank"}) == read.split()


def test_a_rank_that_the_job_does_not_have_is_said_before_anything_is_asked_for(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(200, job(status="running")))
    result = run("ssh", JOB_ID, "--rank", "1", "ls", "-l")
    assert result.exit_code == 2
    assert "The job has 1 node; its only rank is 0." in " ".join(result.stderr.replace("│", " ").split())
    assert [asked.method for asked in server.asked] == ["GET"]


def test_a_run_that_ended_may_be_known_a_moment_after_what_it_ended(server: ScriptedServer) -> None:
    running, over = job(status="running"), job(status="finished", version=2)
    server.on("GET", JOB, Answer(200, running), Answer(200, over))
    server.on("GET", ENDPOINTS, items(endpoint("ssh")))
    with Client(server.url, "token", retry_for=0) as client:
        assert why_cut(client, JOB_ID, "ssh", 60) == "The job is finished, which ended this session."


def test_why_the_platform_ended_a_session(server: ScriptedServer) -> None:
    with Client(server.url, "token", retry_for=0) as client:
        reason = {"code": "paused", "message": "Paused by ada.", "details": {}}
        server.on("GET", JOB, Answer(200, job(status="paused", reason=reason)), Answer(200, job(status="running")))
        assert why_cut(client, JOB_ID, "ssh") == "The job is paused, which ended this session. Paused by ada."
        closed = {"code": "removed", "message": "ada has closed it.", "details": {}}
        server.on("GET", ENDPOINTS, items(endpoint("ssh", "closed", reason=closed)), items(endpoint("ssh")))
        said = "The endpoint 'ssh' is closed, which ended this session. ada has closed it."
        assert why_cut(client, JOB_ID, "ssh") == said
        assert why_cut(client, JOB_ID, "ssh") is None
        server.on("GET", JOB, problem(403, "Only its owner may."))
        assert "You may not enter this job any more" in str(why_cut(client, JOB_ID, "ssh"))


@pytest.mark.usefixtures("nobody_else")
def test_dev_takes_what_submit_takes_and_says_where_it_starts(server: ScriptedServer, tmp_path: Path) -> None:
    file = tmp_path / "job.yaml"
    file.write_text("name: mine\ncommand: python train.py\nendpoints: [tensorboard]\nlabels: {a: b}\n")
    running = job(name="mine", status="running", job_path="jobs/x")
    server.on("POST", "/api/v1/jobs", Answer(201, running))
    server.on("GET", JOB, Answer(200, running))
    words = ("--env", "A=1", "--secret", "HF", "--label", "c=d", "--priority", "5", "--preemptible")
    result = run("dev", "-f", str(file), *words, "--data-path", "d", "--checkpoint-path", "c", "--json")
    assert (result.exit_code, json.loads(result.stdout)["name"]) == (0, "mine")
    assert "It starts in jobs/x." in result.stderr
    body = next(asked.body for asked in server.asked if asked.method == "POST")
    assert body == {
        "name": "mine",
        "endpoints": ["tensorboard", "ssh", "jupyter"],
        "labels": {"a": "b", "c": "d"},
        "env": {"A": "1", "HF": {"secret": "HF"}},
        "priority": 5,
        "preemptible": True,
        "data_path": "d",
        "checkpoint_path": "c",
    }


def test_dev_says_that_one_is_there_already_and_how_to_enter_it(server: ScriptedServer) -> None:
    server.on("GET", "/api/v1/jobs", page(job(name="dev", status="running")))
    result = run("dev")
    assert result.exit_code == 4
    assert f"Your job dev is running already, as {JOB_ID}." in result.stderr
    assert f"`jobyard endpoint open {JOB_ID} jupyter` enters it; --new submits another." in result.stderr
    assert all(asked.method == "GET" for asked in server.asked)


@pytest.mark.usefixtures("nobody_else")
def test_dev_submits_a_job_without_a_command_and_prints_the_line_for_an_editor(server: ScriptedServer) -> None:
    server.on("POST", "/api/v1/jobs", Answer(201, job(name="dev")))
    server.on("GET", JOB, Answer(200, job(name="dev")), Answer(200, job(name="dev", status="running", version=3)))
    server.on("GET", ENDPOINTS, items(endpoint("ssh")))
    result = run("dev", "--ssh", "--device-type", "v100", "--devices", "1", "--port", "8080")
    assert (result.exit_code, result.stdout) == (0, f"ssh -p 2222 {JOB_ID}@127.0.0.1\n")
    assert f"You have no SSH key here: `jobyard key add`, or use `jobyard ssh {JOB_ID}`." in result.stderr
    body = next(asked.body for asked in server.asked if asked.method == "POST")
    assert body == {
        "name": "dev",
        "device_type": "v100",
        "devices": 1,
        "endpoints": ["ssh"],
        "interactive_ports": [8080],
    }


@pytest.mark.usefixtures("nobody_else")
def test_dev_opens_jupyter(server: ScriptedServer) -> None:
    server.on("POST", "/api/v1/jobs", Answer(201, job(name="dev", status="running")))
    server.on("GET", JOB, Answer(200, job(name="dev", status="running")))
    server.on("GET", ENDPOINTS, items(endpoint(), endpoint("ssh")))
    server.on("POST", f"{ENDPOINTS}/jupyter/ticket", Answer(201, {"url": URL, "expires_at": NOON}))
    assert run("dev", "--print").stdout == f"{URL}\n"


@pytest.mark.usefixtures("nobody_else")
def test_dev_says_why_its_job_does_not_run(server: ScriptedServer) -> None:
    server.on("POST", "/api/v1/jobs", Answer(201, job(name="dev")))
    server.on("GET", JOB, Answer(200, job(name="dev", status="killed", version=3)))
    result = run("dev", "--ssh")
    assert result.exit_code == 1
    assert "killed" in result.stderr
