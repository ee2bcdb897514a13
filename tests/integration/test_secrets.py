"""Secrets on the running platform: a job gets its value, and nobody and nothing else does."""

import base64
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from psutil import process_iter

from tests.support.platform import CHECKOUT, Platform, platform
from tests.support.sse import SseReader
from tests.support.waiting import wait_until

CANARY = "canary-1f7b+0/9"
LINES = "-----BEGIN KEY-----\ncanary-line-one\nab\ncanary-line-two"
PIECES = "printf cana; sleep 0.2; printf 'ry-1f7b+0/'; sleep 0.2; echo 9"


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(JOBYARD_LOG_LEVEL="debug") as running:
        running.call("PUT", "/me/secrets/token", 201, json={"value": CANARY})
        running.call("PUT", "/vcs/default/secrets/pem", 201, json={"value": LINES})
        yield running


def env(**secrets: str) -> dict[str, dict[str, str]]:
    return {variable: {"secret": name} for variable, name in secrets.items()}


def test_a_job_gets_its_secrets_and_its_console_shows_none_of_them(yard: Platform, tmp_path: Path) -> None:
    got = tmp_path / "got"
    script = f'printf %s "$TOKEN" > {got}; echo "token=$TOKEN."; {PIECES}; echo "$PEM" >&2; echo "$TOKEN$TOKEN"'
    id = yard.submit(["/bin/sh", "-c", script], env={"SEED": "7", **env(TOKEN="token", PEM="pem")})
    assert yard.wait(id)["status"] == "finished"
    assert got.read_text() == CANARY
    out = [line for line in yard.lines(id) if line not in ("***", "ab")]
    assert out == ["token=***."]
    assert yard.lines(id).count("***") == 5  # the pieces, the pair, and the key's three long lines
    download = yard.http.get(f"/api/v1/jobs/{id}/logs/download", headers=yard.headers()).text
    assert "canary" not in download and "token=***." in download


def test_a_line_that_has_not_ended_shows_no_half_of_a_secret(yard: Platform, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    script = f'printf "\\r$TOKEN at 10%% ${{TOKEN%9}}"; while [ ! -e {gate} ]; do sleep 0.02; done; echo 9'
    id = yard.submit(script, env=env(TOKEN="token"))
    reader = SseReader(f"{yard.url}/api/v1/jobs/{id}/logs/follow", yard.headers())
    wait_until(lambda: reader.unfinished() == ["*** at 10% "], "what is no secret shows")
    gate.touch()
    wait_until(lambda: not reader.open, "it ends")
    assert reader.lines() == ["*** at 10% ***"]
    assert CANARY[:4] not in str(reader.events)


def test_a_run_that_was_adopted_goes_on_hiding_its_secrets(yard: Platform) -> None:
    script = 'echo begun; printf %s "${TOKEN%9}"; while [ ! -e go ]; do sleep 0.05; done; echo 9; echo "$TOKEN"'
    id = yard.submit(script, env=env(TOKEN="token"))
    yard.wait(id, "running")
    wait_until(lambda: yard.lines(id), "it has begun")
    assert all(CANARY not in " ".join(process.info["cmdline"] or ()) for process in process_iter(["cmdline"]))
    path = Path(yard.data / "storage" / yard.job(id)["job_path"])
    yard.call("DELETE", "/me/secrets/token", 204)
    yard.stop()
    (path / "go").touch()
    yard.start()
    assert yard.wait(id)["status"] == "finished"
    assert yard.lines(id) == ["begun", "***", "***"]
    yard.call("PUT", "/me/secrets/token", 201, json={"value": CANARY})


def test_a_secret_that_is_removed_before_the_start_is_an_error_that_names_it(yard: Platform) -> None:
    yard.call("PUT", "/me/secrets/brief", 201, json={"value": CANARY})
    first = yard.submit("while [ ! -e go ]; do sleep 0.05; done", cpus=yard_cpus(), grace_period_s=1)
    yard.wait(first, "running")
    id = yard.submit("true", env=env(TOKEN="brief"))
    yard.call("DELETE", "/me/secrets/brief", 204)
    yard.call("POST", f"/jobs/{first}/kill", 202)
    done = yard.wait(id)
    assert (done["status"], done["reason"]["code"]) == ("error", "secret_missing")
    assert "There is no secret 'brief'" in done["reason"]["message"]


def yard_cpus() -> float:
    """All of this machine's, so that nothing else starts meanwhile."""
    return float(os.cpu_count() or 1)


def test_a_launch_waits_for_a_gateway_that_is_away(yard: Platform, tmp_path: Path) -> None:
    started = tmp_path / "started"
    blocker = yard.submit("while [ ! -e go ]; do sleep 0.05; done", cpus=yard_cpus())
    yard.wait(blocker, "running")
    id = yard.submit(f"touch {started}", env=env(TOKEN="token"))
    path = yard.data / "storage" / yard.job(blocker)["job_path"]
    os.kill(yard.part("gateway"), signal.SIGKILL)
    (path / "go").touch()
    wait_until(started.exists, "the job has started")
    wait_until(yard.is_ready, "the gateway is back")
    assert yard.wait(id)["status"] == "finished"
    assert yard.facts(id) == ["submitted", "scheduled", "started", "finished"]


def test_the_command_line_sets_names_and_uses_secrets(yard: Platform) -> None:
    def jobyard(*words: str, stdin: str = "") -> str:
        environment = {**os.environ, "JOBYARD_URL": yard.url, "JOBYARD_DATA": str(yard.data), "HOME": str(yard.data)}
        done = subprocess.run(
            [sys.executable, "-m", "jobyard", *words],
            cwd=CHECKOUT,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    jobyard("secret", "set", "CLI_TOKEN", stdin=f"{CANARY}\n")
    assert "CLI_TOKEN" in jobyard("secret", "list")
    shown = jobyard("submit", "--name", "x", "--secret", "CLI_TOKEN", "--follow", "--", "echo got $CLI_TOKEN.")
    assert "got ***." in shown
    jobyard("secret", "remove", "CLI_TOKEN")
    assert "CLI_TOKEN" not in jobyard("secret", "list")


def test_the_value_is_nowhere_but_with_the_job(yard: Platform) -> None:
    """The last test of this file: everything that the others have left behind is searched."""
    id = yard.submit('echo "$TOKEN"; exit 3', env=env(TOKEN="token"))
    yard.wait(id)
    answers = [yard.http.get(f"/api/v1{path}", headers=yard.headers()).text for path in _paths(yard, id)]
    assert all("canary" not in answer for answer in answers)
    yard.stop()
    encoded = base64.b64encode(CANARY.encode())
    for path in [yard.log, *yard.data.rglob("*")]:
        if path.is_file():
            content = path.read_bytes()
            assert b"canary" not in content and encoded not in content, path
    yard.start()


def _paths(yard: Platform, id: str) -> list[str]:
    ids = [job["id"] for job in yard.call("GET", "/jobs", params={"limit": 500})["items"]]
    own = [f"/jobs/{one}{rest}" for one in [*ids, id] for rest in ("", "/events", "/logs", "/logs/download")]
    return [*own, "/jobs", "/me/secrets", "/me/secrets/token", "/vcs/default/secrets"]
