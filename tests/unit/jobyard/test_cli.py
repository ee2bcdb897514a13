"""The command line: what it sends, what it prints, and its exit codes."""

import contextlib
import json
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from jobyard.cli import admin, up
from jobyard.cli.app import app
from jobyard.cli.lastwords import print_last_words
from jobyard.client import Client
from jobyard.models import Job
from tests.support.api_answers import END, JOB_ID, OTHER_ID, finished, job, job_event, line, lines_event, page, token
from tests.support.scripted_server import Answer, Pieces, ScriptedServer, problem

JOBS = "/api/v1/jobs"
JOB = f"{JOBS}/{JOB_ID}"
OTHER = f"{JOBS}/{OTHER_ID}"
NOON = "2026-11-23T12:00:00.000Z"


@pytest.fixture(autouse=True)
def environment(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOBYARD_URL", server.url)
    monkeypatch.setenv("JOBYARD_TOKEN", "token")
    monkeypatch.setenv("TZ", "UTC")


def run(*words: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, list(words), input=stdin)


def ok(*words: str, stdin: str | None = None) -> str:
    """What a command that worked has printed."""
    result = run(*words, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout


def submitted(server: ScriptedServer, *words: str, stdin: str | None = None) -> dict[str, Any]:
    """What `jobyard submit` sends."""
    server.on("POST", JOBS, Answer(201, job()))
    assert ok("submit", *words, stdin=stdin) == f"{JOB_ID}\n"
    body = server.asked[-1].body
    assert isinstance(body, dict)
    return body


# --- secrets

SECRET = {"name": "HF", "created_at": NOON, "updated_at": NOON, "updated_by": "ann"}


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("value\n", "value"),
        ("value\r\n", "value"),
        ("value", "value"),
        (" a b \n", " a b "),
        ("one\ntwo\n", "one\ntwo\n"),
        ("ä\n", "ä"),
    ],
)
def test_a_secret_comes_from_standard_input(server: ScriptedServer, given: str, kept: str) -> None:
    server.on("PUT", "/api/v1/me/secrets/HF", Answer(201, SECRET))
    result = run("secret", "set", "HF", stdin=given)
    assert (result.exit_code, result.stdout) == (0, "")
    assert server.asked[-1].body == {"value": kept}
    assert kept not in result.stderr or kept == " a b "


def test_setting_a_secret_prints_it_as_json_if_asked_without_its_value(server: ScriptedServer) -> None:
    server.on("PUT", "/api/v1/me/secrets/HF", Answer(201, SECRET))
    printed = ok("secret", "set", "HF", "--json", stdin="canary\n")
    assert json.loads(printed) == SECRET and "canary" not in printed


def test_no_value_sets_nothing(server: ScriptedServer) -> None:
    for given in ("", "\n"):
        assert run("secret", "set", "HF", stdin=given).exit_code == 4
    assert server.asked == []


def test_secrets_of_a_cluster_are_listed_and_removed_there(server: ScriptedServer) -> None:
    path = "/api/v1/vcs/lab/secrets"
    server.on("GET", path, Answer(200, {"items": [SECRET]}), Answer(200, {"items": []}))
    server.on("DELETE", f"{path}/HF", Answer(204, ""))
    assert ok("secret", "list", "--vc", "lab").splitlines()[-1].split() == ["HF", "2026-11-23", "12:00:00", "ann"]
    ok("secret", "remove", "HF", "--vc", "lab")
    assert run("secret", "list", "--vc", "lab").stderr == "No secrets.\n"


def test_submit_names_secrets(server: ScriptedServer) -> None:
    body = submitted(server, "--name", "n", "-e", "A=1", "--secret", "HF", "--secret", "B=hf.b", "--", "true")
    assert body["env"] == {"A": "1", "HF": {"secret": "HF"}, "B": {"secret": "hf.b"}}


def test_a_file_names_secrets_too(server: ScriptedServer, home: Path) -> None:
    file = home / "job.yaml"
    file.write_text("name: n\ncommand: 'true'\nenv: {A: '1', HF: {secret: hf}}\n")
    assert submitted(server, "-f", str(file), "--secret", "B")["env"] == {
        "A": "1",
        "HF": {"secret": "hf"},
        "B": {"secret": "B"},
    }


def test_get_shows_what_a_job_that_failed_said_last_and_of_several_ranks_the_one_that_failed_first(
    server: ScriptedServer,
) -> None:
    reason = {"code": "command_failed", "message": "Rank 1 on node a ended with exit code 3.", "details": {"rank": 1}}
    failed = job(status="failed", attempt=1, nodes=2, reason=reason)
    server.on("GET", f"{JOB}/events", Answer(body={"items": []}))
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": [line(7, "\x1b[31mbroken")], "gaps": []}))
    server.on("GET", JOB, Answer(body=failed))
    assert ok("get", JOB_ID).endswith("\nRank 1 said last:\nbroken\n")
    assert server.asked[-1].query == {"tail": "20", "rank": "1"}
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": [], "gaps": []}))
    assert f"none is of rank 1; all that it wrote: jobyard logs {JOB_ID} --rank 1 --download -" in ok("get", JOB_ID)
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": [line(7, "\x1b[31mbroken")], "gaps": []}))
    server.on("GET", JOB, Answer(body=failed | {"nodes": 1, "reason": {**reason, "details": {}}}))
    assert ok("get", JOB_ID).endswith("\nIt said last:\nbroken\n")
    assert server.asked[-1].query == {"tail": "20"}
    server.on("GET", JOB, Answer(body=failed | {"status": "error"}))
    assert ok("get", JOB_ID).endswith("\nRank 1 said last:\nbroken\n")
    server.on("GET", f"{JOB}/logs", problem(403, "forbidden"))
    assert "said last" not in ok("get", JOB_ID)
    server.on("GET", JOB, Answer(body=failed | {"status": "finished"}))
    assert "said last" not in ok("get", JOB_ID)


def test_get_shows_a_job_that_failed_also_where_its_console_cannot_be_read(server: ScriptedServer) -> None:
    failed = Job.model_validate(job(status="failed", attempt=1))
    for status, said in ((503, "The logs service does not answer."), (429, "Too often.")):
        server.on("GET", f"{JOB}/logs", problem(status, said))
        printed = StringIO()
        with Client(server.url, "token", retry_for=0) as client:
            print_last_words(Console(file=printed, width=200), client, failed)
        assert f"Its console could not be read: {said}" in printed.getvalue()


def test_get_shows_which_secret_a_variable_holds(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=job(env={"A": "a b", "HF": {"secret": "hf"}})))
    assert "A='a b' HF=(secret hf)" in ok("get", JOB_ID)


# --- submit


def test_submit_a_list_of_arguments(server: ScriptedServer) -> None:
    body = submitted(server, "--name", "hello", "--", "echo", "-n", "hi there")
    assert body == {"name": "hello", "command": ["echo", "-n", "hi there"]}


def test_submit_a_line_for_the_shell(server: ScriptedServer) -> None:
    assert submitted(server, "--name", "hello", "--", "echo hi | wc")["command"] == "echo hi | wc"


def test_every_field_has_its_option(server: ScriptedServer, home: Path) -> None:
    words = (
        "--name n --vc lab --image py:3 --device-type v100 --devices 8 --nodes 1 --cpus 0.5 --memory-mib 64 "
        "--priority 7 --preemptible --retries 2 --grace-period 9 --max-duration 60 -e A=1 --env B=x=y -l k=v "
        "--data-path data --work-path ./code --job-path jobs/x --checkpoint-path .. "
        "--endpoint ssh --endpoint jupyter --port 8000 --port 8001 -- true"
    )
    assert submitted(server, *words.split()) == {
        "name": "n",
        "command": "true",
        "vc": "lab",
        "image": "py:3",
        "device_type": "v100",
        "devices": 8,
        "nodes": 1,
        "cpus": 0.5,
        "memory_mib": 64,
        "priority": 7,
        "preemptible": True,
        "retries": 2,
        "grace_period_s": 9,
        "max_duration_s": 60,
        "env": {"A": "1", "B": "x=y"},
        "labels": {"k": "v"},
        "data_path": "data",
        "work_path": str(home / "code"),
        "job_path": "jobs/x",
        "checkpoint_path": str(home.parent),
        "endpoints": ["ssh", "jupyter"],
        "interactive_ports": [8000, 8001],
    }


def test_a_file_with_options_over_it(server: ScriptedServer, home: Path) -> None:
    folder = home / "somewhere"
    folder.mkdir()
    (folder / "job.yaml").write_text("name: a\ncommand: run\npriority: 5\nwork_path: .\nenv: {A: '1', B: '2'}\n")
    body = submitted(server, "-f", str(folder / "job.yaml"), "--priority", "9", "-e", "B=3")
    assert body == {
        "name": "a",
        "command": "run",
        "priority": 9,
        "work_path": str(folder),
        "env": {"A": "1", "B": "3"},
    }


def test_json_from_stdin(server: ScriptedServer) -> None:
    assert submitted(server, "-f", "-", stdin='{"name": "a", "command": "b"}') == {"name": "a", "command": "b"}


def test_a_list_is_a_batch(server: ScriptedServer, home: Path) -> None:
    (home / "jobs.yaml").write_text("- {name: a, command: x}\n- {name: '?', command: y}\n")
    refused = problem(422, "name: must be a token.", errors=[{"field": "name", "message": "must be a token"}]).body
    outcomes = [{"status": 201, "id": JOB_ID}, {"status": 422, "problem": refused}]
    server.on("POST", f"{JOBS}:submit-batch", Answer(207, {"outcomes": outcomes}))
    result = run("submit", "-f", "jobs.yaml", "--vc", "lab")
    assert result.exit_code == 4
    assert result.stdout == f"{JOB_ID}\n"
    assert "error: job 2 (?): name: must be a token." in result.stderr
    assert [each["vc"] for each in server.asked[-1].body["jobs"]] == ["lab", "lab"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "describes no job"),
        ("- 1", "describes no job"),
        ("{", "neither YAML nor JSON"),
        ("name: 2026-11-23", "was read as a date; put it in quotes"),
        ("name: a\nenv: {1: x}", "is no text; put it in quotes"),
        ("!!python/object:os.system {}", "neither YAML nor JSON"),
    ],
)
def test_a_file_that_is_no_job(server: ScriptedServer, home: Path, content: str, message: str) -> None:
    (home / "job.yaml").write_text(content)
    result = run("submit", "-f", "job.yaml")
    assert (result.exit_code, message in result.stderr) == (4, True), result.stderr
    assert server.asked == []


def test_a_file_that_is_not_there() -> None:
    result = run("submit", "-f", "nowhere.yaml")
    assert result.exit_code == 4
    assert "nowhere.yaml can't be read" in result.stderr


def test_fields_that_are_wrong_are_named(server: ScriptedServer) -> None:
    fields = [{"field": "priority", "message": "must be at most 1000"}]
    server.on("POST", JOBS, problem(422, "A field is wrong.", errors=fields))
    result = run("submit", "--name", "a", "--priority", "5000", "--", "true")
    assert result.exit_code == 4
    assert result.stderr == "error: A field is wrong.\n  priority: must be at most 1000\n"


def test_submit_and_follow(server: ScriptedServer) -> None:
    server.on("POST", JOBS, Answer(201, job()))
    server.on("GET", f"{JOB}/logs/follow", Pieces([lines_event(line(1, "hi"), position=1), END]))
    server.on("GET", JOB, Answer(body=finished()))
    result = run("submit", "--name", "hello", "--follow", "--", "echo", "hi")
    assert (result.exit_code, result.stdout) == (0, "hi\n")
    assert "finished after 2.5 s, exit code 0" in result.stderr


def test_submit_and_wait_for_a_failure(server: ScriptedServer) -> None:
    server.on("POST", JOBS, Answer(201, job()))
    reason = {"code": "exited", "message": "The command ended with 3.", "details": {}}
    server.on("GET", JOB, Answer(body=finished(status="failed", exit_code=3, reason=reason)))
    result = run("submit", "--name", "hello", "--wait", "--", "exit 3")
    assert result.exit_code == 1
    assert "failed: The command ended with 3. (exited)" in result.stdout


# --- look


def test_the_list_has_the_ten_columns(server: ScriptedServer) -> None:
    big = job(id=OTHER_ID, name="big", device_type="v100", devices=8, devices_total=8, preemptible=True)
    server.on("GET", JOBS, page(finished(), big))
    head, first, second = ok("list").splitlines()
    assert [word.strip() for word in head.split("  ") if word] == [
        "Id",
        "Name",
        "Status",
        "Number of Device",
        "Preemptible",
        "Priority",
        "Submitted",
        "Started",
        "Finished",
        "Actions",
    ]
    assert first.split()[:6] == [JOB_ID, "hello", "finished", "0", "no", "100"]
    assert second.split()[:7] == [OTHER_ID, "big", "queued", "8", "v100", "yes", "100"]
    assert second.endswith("pause, kill")
    assert head.index("Status") == first.index("finished") == second.index("queued")
    assert "\t" not in head + first + second
    assert "\x1b" not in head + first + second


def test_everybodys_list_adds_the_user(server: ScriptedServer) -> None:
    server.on("GET", JOBS, page(job(), job(id=OTHER_ID, owner="ada", actions=[])))
    head, first, second = ok("list", "--all").splitlines()
    assert head.split()[-2:] == ["Actions", "User"]
    assert (first.split()[-1], second.split()[-1]) == ("admin", "ada")
    assert server.asked[0].query == {"scope": "all", "limit": "50"}


def test_the_list_says_when_there_are_more(server: ScriptedServer) -> None:
    server.on("GET", JOBS, page(job(), total=7))
    result = run("list", "--limit", "1", "--status", "queued,running", "-s", "paused")
    assert "1 of 7 jobs; --no-limit shows every one." in result.stderr
    assert server.asked[0].query == {"scope": "mine", "status": "queued,running,paused", "limit": "1"}


def test_every_condition_of_a_list_has_its_option(server: ScriptedServer) -> None:
    server.on("GET", JOBS, page(job()))
    ok(
        *"list --all --vc lab --owner ada --device-type v100 --not-preemptible".split(),
        *"-l team=a --label x/y=1=2 -q tra".split(),
        *("--submitted-after", "2026-11-23T10:00:00.000+0100", "--submitted-before", "2026-11-24", "--sort=-name"),
    )
    asked = server.asked[0]
    assert asked.query == {
        "scope": "all",
        "vc": "lab",
        "owner": "ada",
        "device_type": "v100",
        "preemptible": "false",
        "label": "team=a",
        "submitted_after": "2026-11-23T09:00:00Z",
        "submitted_before": "2026-11-24T00:00:00Z",
        "q": "tra",
        "sort": "-name",
        "limit": "50",
    }
    assert asked.queries["label"] == ["team=a", "x/y=1=2"]


def test_a_list_can_be_of_what_has_ended_in_a_time(server: ScriptedServer) -> None:
    server.on("GET", JOBS, page(job()))
    ok(
        "list",
        "-s",
        "failed,error",
        "--finished-after",
        "2026-11-23",
        "--finished-before",
        "2026-11-24",
        "--sort=-finished",
    )
    assert server.asked[0].query == {
        "scope": "mine",
        "status": "failed,error",
        "finished_after": "2026-11-23T00:00:00Z",
        "finished_before": "2026-11-24T00:00:00Z",
        "sort": "-finished",
        "limit": "50",
    }
    assert run("list", "--finished-after", "yesterday").exit_code == 2


def test_a_label_that_is_none(server: ScriptedServer) -> None:
    result = run("list", "--label", "team")
    assert (result.exit_code, result.stderr) == (4, "error: 'team' is no label; write it as key=value.\n")
    assert server.asked == []


def test_the_list_takes_as_many_pages_as_it_needs(server: ScriptedServer) -> None:
    server.on("GET", JOBS, page(job(), total=3, cursor="next"), page(job(id=OTHER_ID), total=3, cursor="more"))
    assert len(json.loads(ok("list", "--limit", "2", "--json"))) == 2
    assert [asked.query["limit"] for asked in server.asked] == ["2", "1"]
    assert server.asked[1].query["cursor"] == "next"


def test_an_empty_list(server: ScriptedServer) -> None:
    server.on("GET", JOBS, page())
    result = run("list")
    assert (result.stdout, result.stderr) == ("", "No jobs: the list holds every job that you submitted.\n")
    assert run("list", "-q", "x").stderr.startswith("No jobs with these conditions: the list holds")
    everybodys = run("list", "--all").stderr
    assert everybodys.startswith("No jobs: --all holds everybody's jobs in your virtual clusters while they are queued")
    assert everybodys.count("\n") == 1
    assert ok("list", "--json") == "[]\n"


def test_a_status_that_does_not_exist() -> None:
    result = run("list", "--status", "done")
    assert result.exit_code == 4
    assert "'done' is no status; there are queued, scheduling" in result.stderr


def blocker(**fields: Any) -> dict[str, Any]:
    """A job in the way, as the API answers it."""
    known = {"id": OTHER_ID, "name": "train", "owner": "ann", "vc": "lab", "since": NOON, "state": "holds"}
    return {**known, "device_type": "v100", "devices": 4, "cpus": 2.5, "memory_mib": 64, **fields}


def test_get_names_the_jobs_that_have_what_it_waits_for(server: ScriptedServer) -> None:
    foreign = blocker(id=None, name=None, owner=None, vc=None, since=None)
    found = [
        blocker(),
        blocker(state="leaves", devices=0),
        blocker(name="\x1b[31mred", state="promised", since=None),
        foreign,
    ]
    waits = {"reason": {"code": "waiting_for_devices", "message": "m", "details": {}}}
    server.on("GET", JOB, Answer(body=job(blockers={"jobs": found, "more": 3}, **waits)))
    lines = [line.split("Waits for", 1)[1].strip() for line in ok("get", JOB_ID).splitlines() if "Waits for" in line]
    assert lines == [
        f"train ({OTHER_ID}) of ann, which holds 4 v100 since 2026-11-23 12:00:00",
        f"train ({OTHER_ID}) of ann, which is being stopped: it held 2.5 cpus since 2026-11-23 12:00:00",
        lines[2],
        "a job of another VC, which holds 4 v100",
        "3 more jobs",
    ]
    assert lines[2].endswith(f"({OTHER_ID}) of ann, which is ahead: 4 v100 are kept for it") and "\x1b" not in lines[2]


@pytest.mark.parametrize(("code", "amount"), [("waiting_for_cpus", "2.5 cpus"), ("waiting_for_memory", "64 MiB")])
def test_get_tells_how_much_others_have_of_what_is_missing(server: ScriptedServer, code: str, amount: str) -> None:
    reason = {"code": code, "message": "m", "details": {}}
    server.on("GET", JOB, Answer(body=job(blockers={"jobs": [blocker()], "more": 0}, reason=reason)))
    assert f"which holds {amount} since" in ok("get", JOB_ID)


def test_get_says_why_first(server: ScriptedServer) -> None:
    reason = {"code": "devices", "message": "It waits for 8 v100; 2 are free.", "details": {}}
    server.on("GET", JOB, Answer(body=job(reason=reason, labels={"a": "b"}, command=["echo", "a b"])))
    shown = ok("get", JOB_ID.lower())
    assert shown.splitlines()[0] == "queued: It waits for 8 v100; 2 are free. (devices)"
    assert "  Command           echo 'a b'\n" in shown
    assert "  Labels            a=b\n" in shown
    assert json.loads(ok("get", JOB_ID, "--json"))["submitted_at"] == "2026-11-23T23:12:50.123Z"


def test_a_job_of_several_nodes_says_how_many_and_where_each_rank_is(server: ScriptedServer) -> None:
    places = [{"node": "a", "rank": 0, "devices": [0, 1]}, {"node": "b", "rank": 1, "devices": [2, 3]}]
    gang = job(nodes=2, devices=2, devices_total=4, device_type="v100", placement=places)
    server.on("GET", JOB, Answer(body=gang))
    shown = ok("get", JOB_ID)
    for said in ("Number of Device  2 v100", "Number of Nodes   2", "Total of Device   4 v100", "1 cpus on each node"):
        assert said in shown
    assert "  Rank 0            a, v100 0 1\n  Rank 1            b, v100 2 3\n" in shown
    server.on("GET", JOBS, page(gang))
    assert " 2 x 2 v100 " in ok("list")
    server.on("GET", JOB, Answer(body=job(placement=[{"node": "a"}])))
    assert "  Node              a\n" in ok("get", JOB_ID)


def test_a_name_that_one_job_has(server: ScriptedServer) -> None:
    server.on("GET", JOBS, page(job(id=OTHER_ID, name="other"), job(name="other-1")))
    server.on("GET", OTHER, Answer(body=job(id=OTHER_ID, name="other")))
    assert OTHER_ID in ok("get", "other")
    assert server.asked[0].query == {"scope": "mine", "q": "other", "sort": "name", "limit": "500"}
    asked = len(server.asked)
    assert run("get", "no name, surely").exit_code == 3
    assert len(server.asked) == asked


def test_a_name_that_several_jobs_have(server: ScriptedServer) -> None:
    server.on("GET", JOBS, page(job(), job(id=OTHER_ID)))
    result = run("kill", "hello")
    assert result.exit_code == 2
    assert (
        f"2 of my jobs are called 'hello'; give the id of one: {JOB_ID} (queued, submitted 2026-11-23 23:12:50), "
        f"{OTHER_ID} (queued, submitted 2026-11-23 23:12:50)." in result.stderr
    )


def test_of_several_jobs_of_a_name_the_only_one_that_is_not_over_is_meant(server: ScriptedServer) -> None:
    over = [finished(id=f"01KX3Y8S9Z6QJ4W2V7T5R1P0{number:02}") for number in range(8)]
    server.on("GET", JOBS, page(*over, job()))
    server.on("GET", JOB, Answer(body=job()))
    assert JOB_ID in ok("get", "hello")
    server.on("GET", JOBS, page(*over))
    newest = str(over[-1]["id"])
    server.on("GET", f"/api/v1/jobs/{newest}", Answer(body=over[-1]))
    server.on("GET", f"/api/v1/jobs/{newest}/events", Answer(body={"items": []}))
    result = run("get", "hello")
    assert newest in result.stdout
    assert f"8 of my jobs are called 'hello', all of them over; taking {newest} (finished, submitted" in result.stderr
    server.on("GET", JOBS, page(*over, *(job(id=f"01KX3Y8S9Z6QJ4W2V7T5R1P1{number:02}") for number in range(8))))
    result = run("get", "hello")
    assert result.exit_code == 2
    assert result.stderr.count("(queued, submitted ") == 5 and result.stderr.rstrip().endswith(") and 3 more.")
    server.on("GET", JOBS, page(*over, job(), job(id=OTHER_ID, status="running")))
    result = run("get", "hello")
    assert "10 of my jobs are called 'hello', 2 of them not over; give the id of one: " in result.stderr
    assert f"{OTHER_ID} (running, submitted" in result.stderr and "finished" not in result.stderr


def test_a_name_that_no_job_has(server: ScriptedServer) -> None:
    server.on("GET", JOBS, page())
    assert run("get", "nobody").exit_code == 3


def test_logs_are_inert(server: ScriptedServer) -> None:
    bad = "a\x1b[31mred\x1b[0m\x1b]0;title\x07\x1b]52;c;aGk=\x1b\\\x9b2Jb\x07\tc\x1b[?1049h\u202e"
    gaps = [{"after_seq": 1, "lost": 3}]
    server.on("GET", JOB, Answer(body=job()))
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": [line(1, bad), line(5, "[bold]plain")], "gaps": gaps}))
    assert ok("logs", JOB_ID) == "aredb\\x07\tc\\u202e\n[... 3 lines were lost here]\n[bold]plain\n"
    documents = ok("logs", JOB_ID, "--json").splitlines()
    assert json.loads(documents[0])["text"] == bad
    assert not set("\x1b\x07\x9b\u202e") & set(documents[0])


BAR = (line(2, "\x1b]0;title\x07 50% \x1b[32m" + "#" * 500),)


def on_a_terminal(*arguments: str) -> str:
    """What a terminal of 80 columns gets."""
    ours, theirs = os.openpty()
    command = [sys.executable, "-m", "jobyard", *arguments]
    with subprocess.Popen(command, stdout=theirs, env=os.environ | {"COLUMNS": "80"}) as running:
        os.close(theirs)
        got = b""
        with contextlib.suppress(OSError):  # the other end is closed
            while piece := os.read(ours, 4096):
                got += piece
        assert running.wait(timeout=60) == 0
    os.close(ours)
    return got.decode().replace("\r\n", "\n")


def test_on_a_terminal_a_line_that_has_not_ended_is_rewritten_in_the_last_row(server: ScriptedServer) -> None:
    pieces = [
        lines_event(line(1, "a"), unfinished=(line(2, "10%"),)),
        lines_event(unfinished=BAR),
        lines_event(unfinished=(line(2, "in\t" + "t" * 100),)),
        lines_event(line(2, "done"), unfinished=()),
        END,
    ]
    server.on("GET", JOB, Answer(body=job()))
    server.on("GET", f"{JOB}/logs/follow", Pieces(pieces))
    rows = ["10%", " 50% " + "#" * 74, "in      " + "t" * 71]
    rewritten = "".join(f"\r\x1b[K{row}" for row in rows)
    assert on_a_terminal("logs", "-f", JOB_ID) == f"a\n{rewritten}\r\x1b[Kdone\n"


def test_in_a_pipe_only_lines_are_printed(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=job()))
    server.on("GET", f"{JOB}/logs/follow", Pieces([lines_event(line(1, "a"), unfinished=BAR), END]))
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": [line(1, "a")], "gaps": [], "unfinished": BAR}))
    assert ok("logs", "-f", JOB_ID) == ok("logs", JOB_ID) == "a\n"
    assert len(ok("logs", "-f", JOB_ID, "--json").splitlines()) == 1


def test_a_look_at_a_console_shows_what_has_not_ended_on_a_terminal_alone(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=job()))
    bar = (line(2, "50%", stream="stderr"),)
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": [line(1, "a")], "gaps": [], "unfinished": bar}))
    assert on_a_terminal("logs", JOB_ID) == "a\n50%\n"


def test_logs_with_times_and_tail(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=job()))
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": [line(1, "a")], "gaps": []}))
    assert ok("logs", JOB_ID, "-t", "-n", "3").endswith("50.123  a\n")
    assert server.asked[1].query == {"tail": "3"}


def test_lines_of_several_ranks_say_whose_they_are_and_one_rank_can_be_asked_for(server: ScriptedServer) -> None:
    lines = [line(1, "a"), line(1, "b") | {"rank": 1}, line(2, "c"), line(5, "d") | {"rank": 1}]
    body = {"lines": lines, "gaps": [{"after_seq": 1, "lost": 3, "rank": 1}]}
    server.on("GET", JOB, Answer(body=job(nodes=2)))
    server.on("GET", f"{JOB}/logs", Answer(body=body))
    assert ok("logs", JOB_ID) == "[0] a\n[1] b\n[0] c\n[1] [... 3 lines were lost here]\n[1] d\n"
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": lines[1:2], "gaps": []}))
    assert ok("logs", JOB_ID, "--rank", "1") == "b\n"
    assert server.asked[-1].query == {"tail": "2000", "rank": "1"}
    server.on("GET", f"{JOB}/logs/download", Answer(body="b\n", headers={"Content-Type": "text/plain"}))
    assert ok("logs", JOB_ID, "--rank", "1", "--download", "-") == "b\n"
    assert server.asked[-1].query == {"rank": "1"}


def test_logs_say_that_earlier_lines_are_not_shown_and_how_many(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=job()))
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": [line(3001, "a"), line(3002, "b")], "gaps": []}))
    result = run("logs", JOB_ID)
    assert result.stdout == "a\nb\n"
    assert result.stderr == (
        f"3,000 earlier lines are not shown; `jobyard logs {JOB_ID} --download FILE` writes all of an attempt.\n"
    )
    assert run("logs", JOB_ID, "-n", "2").stderr == "", "this was asked for"
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": [line(12, "a")], "gaps": [{"after_seq": 1, "lost": 10}]}))
    assert run("logs", JOB_ID).stderr.startswith("1 earlier line is not shown")
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": [line(1, "a")], "gaps": []}))
    assert run("logs", JOB_ID).stderr == ""


def test_the_whole_log_as_a_file(server: ScriptedServer, home: Path) -> None:
    server.on("GET", f"{JOB}/logs/download", Answer(body="\x1b[31mred\n", headers={"Content-Type": "text/plain"}))
    assert ok("logs", JOB_ID, "--download", "out.txt") == ""
    assert (home / "out.txt").read_text() == "\x1b[31mred\n"
    assert ok("logs", JOB_ID, "--download", "-") == "\x1b[31mred\n"


def test_events_say_who_and_why(server: ScriptedServer) -> None:
    reason = {"code": "user", "message": "Paused by admin.", "details": {}}
    events = [job_event(1, "submitted", "queued", attempt=0), job_event(2, "paused", "paused", reason=reason)]
    server.on("GET", f"{JOB}/events", Answer(body={"items": events}))
    head, first, second = ok("events", JOB_ID).splitlines()
    assert head.split() == ["Time", "Version", "Event", "Status", "Attempt", "By", "Reason"]
    assert first.split()[-6:] == ["1", "submitted", "queued", "0", "admin", "-"]
    assert second.endswith("admin  Paused by admin.")
    assert [json.loads(text)["jobversion"] for text in ok("events", JOB_ID, "--json").splitlines()] == [1, 2]


def test_events_followed_to_the_end(server: ScriptedServer) -> None:
    events = [job_event(1, "submitted", "queued", attempt=0), job_event(2, "killed", "killed")]
    server.on("GET", f"{JOB}/events", Answer(body={"items": events}))
    assert [text.split()[-5:-2] for text in ok("events", "-f", JOB_ID).splitlines()][1][0] == "killed"


# --- act and wait


def test_acting_on_several_jobs(server: ScriptedServer) -> None:
    server.on("POST", f"{JOB}/pause", problem(409, "It is over."))
    server.on("POST", f"{OTHER}/pause", Answer(202, job(id=OTHER_ID, status="pausing")))
    result = run("pause", JOB_ID, OTHER_ID)
    assert result.exit_code == 4
    assert result.stdout == f"{OTHER_ID}  hello  pausing\n"
    assert result.stderr == f"error: {JOB_ID}: It is over.\n"


BATCH = f"{JOBS}:batch"


def meant(*ids: str, cursor: str | None = None) -> Answer:
    """What a dry run answers."""
    more = {"next_cursor": cursor} if cursor else {}
    return Answer(207, {"outcomes": [{"status": 200, "id": id} for id in ids], "matched": len(ids), **more})


def done(*ids: str, status: int = 202) -> Answer:
    return Answer(207, {"outcomes": [{"status": status, "id": id} for id in ids], "matched": len(ids)})


def test_a_filter_finds_the_jobs_first_and_then_changes_exactly_those(server: ScriptedServer) -> None:
    server.on("POST", BATCH, meant(JOB_ID, cursor="c"), meant(OTHER_ID), done(JOB_ID, OTHER_ID))
    words = "--status queued,paused --label team=vision -l kind=a --name tr --vc lab --owner ada --yes"
    assert ok("kill", *words.split()) == f"{JOB_ID}\n{OTHER_ID}\n"
    first, second, third = (asked.body for asked in server.asked)
    chosen = {
        "status": ["queued", "paused"],
        "label": {"team": "vision", "kind": "a"},
        "q": "tr",
        "vc": "lab",
        "owner": "ada",
    }
    assert first == {"action": "kill", "filter": chosen, "dry_run": True}
    assert second == first | {"cursor": "c"}
    assert third == {"action": "kill", "ids": [JOB_ID, OTHER_ID]}


def test_a_filter_changes_nothing_where_nobody_can_be_asked(server: ScriptedServer) -> None:
    server.on("POST", BATCH, meant(JOB_ID, OTHER_ID))
    result = run("kill", "--status", "queued", stdin="y\n")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "error: this would kill 2 jobs; give --yes if that is meant.\n"
    assert server.count("POST", BATCH) == 1


@pytest.mark.parametrize(("answer", "code", "calls"), [("y", 0, 2), ("n", 1, 1), ("", 1, 1)])
def test_on_a_terminal_a_filter_is_asked_about(server: ScriptedServer, answer: str, code: int, calls: int) -> None:
    server.on("POST", BATCH, meant(JOB_ID, OTHER_ID), done(JOB_ID, OTHER_ID))
    ours, theirs = os.openpty()
    try:
        os.write(ours, f"{answer}\n".encode())
        command = [sys.executable, "-m", "jobyard", "kill", "--status", "queued"]
        asked = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=60, check=False)
    finally:
        os.close(ours)
        os.close(theirs)
    assert "Kill 2 jobs? [y/N]" in asked.stderr
    assert (asked.returncode, server.count("POST", BATCH)) == (code, calls)
    assert asked.stdout == (f"{JOB_ID}\n{OTHER_ID}\n" if calls == 2 else "")


def test_a_filter_that_means_no_job_says_so(server: ScriptedServer) -> None:
    server.on("POST", BATCH, meant())
    result = run("resume", "--label", "team=vision", "--yes")
    assert (result.exit_code, result.stderr) == (0, "No jobs match.\n")


def test_a_refusal_among_many_is_shown_and_is_the_exit_code(server: ScriptedServer) -> None:
    refused = {"status": 409, "id": OTHER_ID, "problem": problem(409, "It is over.").body}
    answer = Answer(207, {"outcomes": [refused, {"status": 200, "id": JOB_ID}], "matched": 2})
    server.on("POST", BATCH, meant(OTHER_ID, JOB_ID), answer)
    result = run("priority", "500", "--status", "queued", "--yes")
    assert (result.exit_code, result.stdout) == (4, f"{JOB_ID}\n")
    assert result.stderr == f"error: {OTHER_ID}: It is over.\n"
    assert server.asked[-1].body == {"action": "priority", "ids": [OTHER_ID, JOB_ID], "priority": 500}


def test_jobs_are_named_or_chosen_never_both_and_never_neither(server: ScriptedServer) -> None:
    for words in (("kill",), ("kill", JOB_ID, "--status", "queued"), ("pause", "--label", "team", "--yes")):
        assert run(*words).exit_code == 2
    assert run("kill", "--status", "asleep").exit_code == 4
    assert server.asked == []


def test_a_changed_priority_is_shown_with_what_it_was(server: ScriptedServer) -> None:
    before, after = job_event(1, "submitted", "queued"), job_event(2, "priority_changed", "queued")
    before["data"]["job"]["state"]["priority"], after["data"]["job"]["state"]["priority"] = 100, 900
    server.on("GET", f"{JOB}/events", Answer(body={"items": [before, after]}))
    submitted, changed = ok("events", JOB_ID).splitlines()[1:]
    assert changed.endswith("priority 100 -> 900")
    assert "->" not in submitted


def test_get_shows_the_endpoints_there_are_to_whoever_may_use_them(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=job(endpoints=["ssh"], interactive_ports=[8080])))
    common = {"job_id": JOB_ID, "requested_by": "ada", "requested_at": "2026-11-23T23:12:50.000Z", "version": 1}
    ssh = {**common, "name": "ssh", "kind": "ssh", "status": "ready"}
    added = {**common, "name": "tensorboard", "kind": "tensorboard", "status": "requested"}
    server.on("GET", f"{JOB}/endpoints", Answer(body={"items": [ssh, added]}))
    assert "ssh (ready), tensorboard (requested)\n" in ok("get", JOB_ID)
    server.on("GET", f"{JOB}/endpoints", problem(403, "Only its owner may."))
    shown = ok("get", JOB_ID)
    assert "Endpoints          ssh\n" in shown
    assert "Interactive ports  8080\n" in shown


def test_the_start_of_a_later_attempt_is_not_shown_as_time_in_the_queue(server: ScriptedServer) -> None:
    over = finished(attempt=2)
    server.on("GET", JOB, Answer(body=over))
    server.on("GET", f"{JOB}/events", Answer(body={"items": []}))
    shown = ok("get", JOB_ID)
    assert "2026-11-23 23:12:51 (attempt 2)\n" in shown
    assert "(attempt 2 ran 2.5 s)" in shown
    assert "after 2.5 s (attempt 2), exit code 0" in ok("wait", JOB_ID)


@pytest.mark.parametrize("words", [("user", "add", "ada"), ("user", "passwd"), ("login", "--username", "ada")])
def test_a_password_in_a_pipe_is_read_only_when_that_was_said(words: tuple[str, ...], server: ScriptedServer) -> None:
    result = run(*words, stdin="a long password\n")
    assert result.exit_code == 2
    assert "--password-stdin" in result.stderr
    assert server.asked == []


def test_get_and_events_show_what_a_stop_has_cost(server: ScriptedServer) -> None:
    stopped = job_event(5, "paused", "paused")
    receipt = {
        "by": {"kind": "user", "name": "ada"},
        "rule": "pause_command",
        "why": "ada asked it to pause.",
        "held": 4,
        "unit": "device",
        "minutes_lost": 12.5,
        "stopped_at": "2026-11-23T23:12:50.000Z",
        "lost_since": "2026-11-23T23:09:42.500Z",
        "checkpoint_at": "2026-11-23T23:09:42.500Z",
    }
    stopped["data"]["receipt"] = receipt
    waiting = job_event(2, "paused", "paused")
    waiting["data"]["receipt"] = receipt | {"minutes_lost": 0, "stopped_at": None, "lost_since": None}
    server.on("GET", JOB, Answer(body=job(status="paused", attempt=1)))
    server.on("GET", f"{JOB}/events", Answer(body={"items": [waiting, stopped]}))
    lost = "12.5 device-minutes since its checkpoint of 2026-11-23 23:09:42.500"
    assert ok("events", JOB_ID).count("Lost:") == 1
    assert f"Lost: {lost}." in ok("events", JOB_ID)
    shown = [line for line in ok("get", JOB_ID).splitlines() if "Stopped" in line]
    assert len(shown) == 1
    assert shown[0].endswith(f"2026-11-23 23:12:50 by ada (pause_command): ada asked it to pause. Lost: {lost}")


def test_priority_of_several_jobs(server: ScriptedServer) -> None:
    server.on("PATCH", JOB, Answer(body=job(priority=500)))
    server.on("PATCH", OTHER, Answer(body=job(id=OTHER_ID, priority=500)))
    documents = ok("priority", JOB_ID, OTHER_ID, "500", "--json").splitlines()
    assert [json.loads(text)["priority"] for text in documents] == [500, 500]
    assert server.asked[0].body == {"priority": 500}


def test_wait_shows_changes_and_the_outcome(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=job()), Answer(body=job(status="running", version=3)), Answer(body=finished()))
    result = run("wait", JOB_ID)
    assert result.exit_code == 0
    assert result.stdout == f"{JOB_ID}  hello  finished after 2.5 s, exit code 0\n"
    assert [text.split()[-1] for text in result.stderr.splitlines()] == ["queued", "running", "finished"]


def test_wait_for_another_status(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=job(status="paused")))
    assert run("wait", JOB_ID, "--until", "paused").exit_code == 0
    server.on("GET", JOB, Answer(body=finished()))
    assert run("wait", JOB_ID, "--until", "paused").exit_code == 1


def test_wait_in_vain(server: ScriptedServer) -> None:
    server.on("GET", JOB, Answer(body=job()))
    result = run("wait", JOB_ID, "--timeout", "0.1")
    assert result.exit_code == 1
    assert "still queued after 0.1 s. It was left alone" in result.stderr
    reason = {"code": "waiting_for_devices", "message": "Waits for 4 v100: 0 are free.", "details": {}}
    server.on("GET", JOB, Answer(body=job(reason=reason)))
    result = run("wait", JOB_ID, "--timeout", "0.1")
    assert "still queued after 0.1 s: Waits for 4 v100: 0 are free. It was left alone" in result.stderr
    server.on("GET", JOB, Answer(body=job(status="running", attempt=2, started_at="2026-11-23T23:12:51.000Z")))
    result = run("wait", JOB_ID, "--timeout", "0.1")
    assert "running after 0.1 s: attempt 2 has been running since 2026-11-23 23:12:51. It was left" in result.stderr


# --- the rest


@pytest.mark.parametrize(("status", "code"), [(401, 5), (403, 5), (404, 3), (409, 4), (422, 4), (413, 4), (500, 1)])
def test_exit_codes(server: ScriptedServer, status: int, code: int) -> None:
    server.on("GET", JOB, problem(status, "The sentence."))
    result = run("get", JOB_ID)
    assert result.exit_code == code
    assert result.stderr.startswith("error: The sentence.")


def test_usage_errors_are_2() -> None:
    assert run("submit", "--nonsense").exit_code == 2
    assert run("submit", "--name", "a", "-e", "novalue", "--", "x").exit_code == 2
    assert run("nonsense").exit_code == 2


def test_nobody_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run("--url", "http://127.0.0.1:1", "list")
    assert result.exit_code == 6
    assert "Is the yard running? Start it with `jobyard up`." in result.stderr


def test_help_lists_the_commands_and_exit_codes() -> None:
    shown = ok("--help")
    for command in "up login submit list get logs events wait pause resume kill priority".split():
        assert f" {command} " in shown
    assert "Exit codes" in shown


def test_login_keeps_the_token(server: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOBYARD_TOKEN")
    monkeypatch.delenv("JOBYARD_URL")
    server.on("POST", "/api/v1/auth/token", token("kept"))
    server.on("GET", JOB, Answer(body=job()))
    assert "Signed in" in ok("login", server.url, "-u", "ann", "--password-stdin", stdin="pass word\n")
    assert server.asked[0].body == {"username": "ann", "password": "pass word"}
    ok("get", JOB_ID)
    assert server.asked[-1].headers["authorization"] == "Bearer kept"
    ok("login", server.url, "--forget")
    server.on("POST", "/api/v1/auth/token", problem(401, "Wrong name or password."))
    result = run("login", server.url, "-u", "ann", "--password-stdin", stdin="x\n")
    assert (result.exit_code, result.stderr) == (5, "error: Wrong name or password.\n")


def test_up_becomes_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    replaced: list[list[str]] = []
    monkeypatch.setattr(up, "installed", lambda: True)
    monkeypatch.setattr(os, "execv", lambda _, words: replaced.append(words))
    ok("up", "--port", "0", "--data", "d", "--simulate", "v100=8")
    assert replaced[0][1:] == ["-m", "services.embedded", "--port", "0", "--data", "d", "--simulate", "v100=8"]
    ports = ["--door-port", "9001", "--ssh-port", "0", "--metrics-port", "9100"]
    ok("up", *ports)
    assert replaced[1][1:] == ["-m", "services.embedded", *ports]


@pytest.mark.parametrize(
    ("words", "passed_on"),
    [
        ("backup b --data d --without-keys", "backup b --data d --without-keys"),
        ("restore b", "restore b"),
        ("migrate --data d", "migrate --data d"),
        ("rotate-secret-key", "rotate-secret-key"),
        ("node forget node-1 --data d --yes", "node forget node-1 --data d --yes"),
    ],
)
def test_admin_becomes_the_operators_tool(monkeypatch: pytest.MonkeyPatch, words: str, passed_on: str) -> None:
    replaced: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _, words: replaced.append(words))
    ok("admin", *words.split())
    assert replaced[0][1:] == ["-m", "services.admin", *passed_on.split()]


def test_admin_without_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin, "TOOL", "no_such_package.admin")
    result = run("admin", "migrate")
    assert (result.exit_code, "only its client" in result.stderr) == (1, True)


def test_up_without_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(up, "PLATFORM", "no_such_package.embedded")
    result = run("up")
    assert result.exit_code == 1
    assert "only its client" in result.stderr


# --- what will not come back


def test_a_run_is_given_up_once_that_is_meant(server: ScriptedServer) -> None:
    server.on("POST", f"{JOB}/force", Answer(202, job()))
    refused = run("admin", "run", "force", JOB_ID)
    assert (refused.exit_code, "--yes" in refused.stderr, server.asked) == (2, True, [])
    assert "was given up" in ok("admin", "run", "force", JOB_ID, "--yes")
    assert [(request.method, request.path) for request in server.asked] == [("POST", f"{JOB}/force")]


def test_a_run_whose_node_answers_is_not_given_up(server: ScriptedServer) -> None:
    server.on("POST", f"{JOB}/force", problem(409, detail="Every node that the run is on answers."))
    result = run("admin", "run", "force", JOB_ID, "--yes")
    assert (result.exit_code != 0, "Every node that the run is on answers." in result.stderr) == (True, True)
