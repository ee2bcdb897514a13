"""The client and the `jobyard` command against the platform as `jobyard up` starts it."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from jobyard import Client, Conflict, Invalid, JobStatus, LogGap, NotFound
from tests.support.platform import CHECKOUT, Platform, platform
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(simulate="v100=8") as running:
        yield running


@pytest.fixture
def environment(yard: Platform, tmp_path: Path) -> dict[str, str]:
    """A user on the same machine, with an empty home."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    mine = {"JOBYARD_URL": yard.url, "JOBYARD_DATA": str(yard.data), "XDG_CONFIG_HOME": str(tmp_path / "config")}
    return clean | mine | {"PYTHONPATH": str(CHECKOUT), "COLUMNS": "200"}


@pytest.fixture
def client(yard: Platform, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    for name in ("JOBYARD_URL", "JOBYARD_DATA", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, environment[name])
    monkeypatch.delenv("JOBYARD_TOKEN", raising=False)
    with Client() as client:
        yield client


class Shell:
    """Runs `jobyard ...` as a person would."""

    def __init__(self, environment: dict[str, str], folder: Path) -> None:
        self._environment = environment
        self._folder = folder

    def __call__(self, *words: str, code: int = 0) -> str:
        """What it prints on stdout; any other exit code than `code` fails."""
        done = subprocess.run(
            [sys.executable, "-m", "jobyard", *words],
            env=self._environment,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def jobyard(environment: dict[str, str], tmp_path: Path) -> Shell:
    return Shell(environment, tmp_path)


def test_the_yard_is_shown_with_what_is_held_and_by_whom(jobyard: Shell, client: Client) -> None:
    job = client.submit(name="holds", command="sleep 600", device_type="v100", devices=2, cpus=0.05)
    client.wait(job.id, until=[JobStatus.RUNNING], timeout=60)
    head, node = jobyard("cluster").splitlines()
    assert head.split() == "Node State Devices CPUs Memory Held by".split()
    assert "v100 2/8" in node
    assert node.endswith("holds (admin, default) x2")
    client.kill(job.id)
    client.wait(job.id, timeout=60)
    wait_until(lambda: "v100 0/8" in jobyard("cluster"), "the devices are free again")


def test_submit_and_follow(jobyard: Shell) -> None:
    assert jobyard("submit", "--name", "hello", "--follow", "--", "echo one; echo two") == "one\ntwo\n"
    assert jobyard("logs", "hello") == "one\ntwo\n"
    assert jobyard("get", "hello").splitlines()[0].startswith("finished")
    assert "hello" in jobyard("list")
    facts = [json.loads(line)["type"].split(".")[3] for line in jobyard("events", "hello", "--json").splitlines()]
    assert facts == ["submitted", "scheduled", "started", "finished"]
    assert len(jobyard("events", "-f", "hello").splitlines()) == 4
    assert jobyard("logs", "hello", "--download", "-") == "one\ntwo\n"


def test_exit_codes_tell_what_happened(jobyard: Shell) -> None:
    jobyard("submit", "--name", "bad", "--wait", "--", "exit 3", code=1)
    jobyard("wait", "bad", code=1)
    jobyard("pause", "bad", code=4)
    jobyard("get", "01KC0000000000000000000001", code=3)
    jobyard("submit", "--name", "two words", "--", "true", code=4)
    jobyard("--url", "http://127.0.0.1:1", "list", code=6)
    jobyard("submit", "--no-such-option", code=2)


def test_pause_and_resume_by_name(jobyard: Shell) -> None:
    script = 'trap "exit 0" TERM; [ "$JOBYARD_RESUME" ] && exit 0; echo begun; while :; do sleep 0.05; done'
    jobyard("submit", "--name", "stops", "--", script)
    jobyard("wait", "stops", "--until", "running")
    assert "paus" in jobyard("pause", "stops")
    jobyard("wait", "stops", "--until", "paused", "--timeout", "30")
    jobyard("priority", "stops", "700")
    jobyard("resume", "stops")
    assert "finished" in jobyard("wait", "stops")
    assert json.loads(jobyard("get", "stops", "--json"))["priority"] == 700


def test_a_waiting_job_says_why(client: Client, jobyard: Shell) -> None:
    first = client.submit(name="first", command="sleep 60", device_type="v100", devices=8)
    client.wait(first.id, until=[JobStatus.RUNNING], timeout=60)
    second = client.submit(name="second", command="true", device_type="v100", devices=1)
    wait_until(lambda: (reason := client.get(second.id).reason) and reason.code != "queued", "it has a reason")
    headline = jobyard("get", second.id).splitlines()[0]
    assert headline.startswith("queued: ")
    assert "v100" in headline
    jobyard("kill", first.id)
    assert client.wait(second.id, timeout=60).status == JobStatus.FINISHED


def test_a_batch_and_its_pages(client: Client) -> None:
    requests = [{"name": f"many-{number}", "command": "true", "cpus": 0.01} for number in range(25)]
    outcomes = client.submit_batch([*requests, {"name": "?", "command": "true"}])
    assert [outcome.status for outcome in outcomes] == [201] * 25 + [422]
    ids = [outcome.id for outcome in outcomes[:25]]
    for job_id in ids:
        assert job_id is not None
        assert client.wait(job_id, timeout=60).status == JobStatus.FINISHED
    listed = [job.id for job in client.jobs(page_size=10) if job.name.startswith("many-")]
    assert sorted(listed) == sorted(str(job_id) for job_id in ids)


def test_refusals_are_exceptions(client: Client) -> None:
    with pytest.raises(NotFound):
        client.get("01KC0000000000000000000001")
    with pytest.raises(Invalid) as caught:
        client.submit(name="hello", command="true", priority=5000, nam="x")
    assert {problem.field for problem in caught.value.errors} == {"priority", "nam"}
    done = client.wait(client.submit(name="done", command="true").id, timeout=60)
    with pytest.raises(Conflict):
        client.resume(done.id)


def test_followers_outlive_the_gateway(yard: Platform, client: Client) -> None:
    """Killed in the middle of a console, the gateway comes back; every line is seen once, and every event."""
    script = "for i in $(seq 1 200); do echo line $i; sleep 0.02; done"
    job = client.submit(name="long", command=script)
    events: list[int] = []

    def follow_events() -> None:
        with Client() as mine:
            events.extend(event.data.job.version for event in mine.follow_events(job.id))

    follower = threading.Thread(target=follow_events)
    follower.start()
    lines: list[str] = []
    killed = False
    for item in client.follow_logs(job.id):
        assert not isinstance(item, LogGap)
        lines.append(item.text)
        if len(lines) == 50 and not killed:
            killed = True
            os.kill(yard.part("gateway"), signal.SIGKILL)
    follower.join(60)
    assert lines == [f"line {number}" for number in range(1, 201)]
    assert events == [1, 2, 3, 4]


def test_up_starts_and_ctrl_c_stops(environment: dict[str, str], tmp_path: Path) -> None:
    ports = ["--port", "0", "--ssh-port", "0", "--metrics-port", "0"]
    words = [sys.executable, "-m", "jobyard", "up", *ports, "--data", str(tmp_path / "data")]
    process = subprocess.Popen(words, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        ready = next(line for line in process.stdout if line.startswith("ready http://127.0.0.1:"))
        mine = environment | {"JOBYARD_URL": ready.split()[1], "JOBYARD_DATA": str(tmp_path / "data")}
        Shell(mine, tmp_path)("submit", "--name", "hello", "--wait", "--", "true")
        doors = sorted(next(process.stdout) for _ in range(2))
        assert doors[0].startswith("jobs by SSH at 127.0.0.1, port ") and ", host key SHA256:" in doors[0]
        assert doors[1].startswith("jobs in a browser at http://127.0.0.1:")
        process.send_signal(signal.SIGINT)
        process.stdout.read()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
        if process.stdout:
            process.stdout.close()
