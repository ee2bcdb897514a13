"""The main path on real parts: what a researcher does with a job, on the platform as `jobyard up` starts it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.platform import CHECKOUT, Platform, platform
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(simulate="v100=4") as running:
        yield running


def test_a_job_goes_from_queued_to_finished_with_its_console_and_history(yard: Platform) -> None:
    job = yard.call("POST", "/jobs", 201, json={"name": "hello", "command": "echo one; echo two >&2; echo three"})
    assert (job["status"], job["owner"], job["priority"], job["version"]) == ("queued", "admin", 100, 1)
    done = yard.wait(job["id"])
    assert (done["status"], done["exit_code"], done["attempt"]) == ("finished", 0, 1)
    assert done["reason"]["code"] == "finished"
    assert done["submitted_at"] <= done["started_at"] <= done["finished_at"]
    assert sorted(yard.lines(job["id"])) == ["one", "three", "two"]
    events = yard.call("GET", f"/jobs/{job['id']}/events")["items"]
    assert [event["jobversion"] for event in events] == [1, 2, 3, 4]
    assert yard.facts(job["id"]) == ["submitted", "scheduled", "started", "finished"]
    assert done["version"] == 4


def test_a_failing_command_is_failed_with_its_exit_code_and_retried_as_asked(yard: Platform) -> None:
    id = yard.submit("echo attempt $JOBYARD_ATTEMPT; exit 3")
    done = yard.wait(id)
    assert (done["status"], done["exit_code"], done["reason"]["code"]) == ("failed", 3, "command_failed")


def test_a_missing_work_path_is_an_error_with_a_sentence(yard: Platform) -> None:
    done = yard.wait(yard.submit("true", work_path="no/such/folder"))
    assert done["status"] == "error"
    assert "no/such/folder" in done["reason"]["message"]


SAVES = """
trap 'echo saved > "$JOBYARD_CHECKPOINT_DIR/state"; exit 0' TERM
if [ "$JOBYARD_RESUME" = 1 ]; then echo resumed from $(cat "$JOBYARD_CHECKPOINT_DIR/state"); exit 0; fi
echo begun
while :; do sleep 0.05; done
"""


def test_pause_lets_the_job_write_its_checkpoint_and_resume_goes_on_from_it(yard: Platform) -> None:
    id = yard.submit(SAVES)
    wait_until(lambda: yard.lines(id) == ["begun"], "it runs")
    pausing = yard.call("POST", f"/jobs/{id}/pause", 202)
    assert pausing["status"] in ("pausing", "paused")
    paused = yard.wait(id, "paused")
    assert paused["reason"]["details"]["by"] == "admin"
    assert paused["actions"] and "resume" in paused["actions"]
    yard.call("POST", f"/jobs/{id}/resume", 202)
    done = yard.wait(id)
    assert (done["status"], done["attempt"]) == ("finished", 2)
    assert yard.lines(id) == ["begun", "resumed from saved"]
    assert yard.facts(id) == [
        *("submitted", "scheduled", "started", "pausing", "paused"),
        *("resumed", "scheduled", "started", "finished"),
    ]


def test_kill_ends_every_process_of_the_job_also_those_that_hide(yard: Platform, tmp_path: Path) -> None:
    hide = (
        "import os,sys,time\n"
        "if os.fork(): os._exit(0)\n"
        "os.setsid()\n"
        "if os.fork(): os._exit(0)\n"
        "open(sys.argv[1], 'w').write(str(os.getpid()))\n"
        "time.sleep(600)\n"
    )
    script, pid = tmp_path / "hide.py", tmp_path / "pid"
    script.write_text(hide)
    id = yard.submit(f"trap '' TERM; {sys.executable} {script} {pid}; sleep 600", grace_period_s=1)
    wait_until(lambda: pid.exists() and pid.read_text(), "the daemon lives")
    yard.call("POST", f"/jobs/{id}/kill", 202)
    assert yard.wait(id, "killed")["reason"]["details"]["by"] == "admin"
    assert not Path(f"/proc/{pid.read_text()}").exists()


def test_priority_decides_who_is_next_and_each_waiting_job_says_what_it_waits_for(yard: Platform) -> None:
    first = yard.submit("sleep 600", device_type="v100", devices=4)
    yard.wait(first, "running")
    low = yard.submit("true", name="low", device_type="v100", devices=4)
    high = yard.submit("true", name="high", device_type="v100", devices=4, priority=500)
    wait_until(lambda: yard.job(low)["reason"]["code"] == "waiting_for_devices", "it says what it waits for")
    assert "v100" in yard.job(low)["reason"]["message"]
    raised = yard.call("PATCH", f"/jobs/{low}", 200, json={"priority": 600})
    assert raised["priority"] == 600
    yard.call("POST", f"/jobs/{first}/kill", 202)
    done = {id: yard.wait(id) for id in (low, high)}
    assert done[low]["started_at"] < done[high]["started_at"]
    changed = next(e for e in yard.call("GET", f"/jobs/{low}/events")["items"] if "priority_changed" in e["type"])
    assert (changed["data"]["previous"], changed["data"]["actor"]["name"]) == (100, "admin")


def test_a_higher_job_preempts_a_preemptible_one_which_runs_again_later(yard: Platform) -> None:
    victim = yard.submit("sleep 600", device_type="v100", devices=4, preemptible=True, priority=10, grace_period_s=2)
    yard.wait(victim, "running")
    urgent = yard.submit("true", device_type="v100", devices=2, priority=900)
    assert yard.wait(urgent)["status"] == "finished"
    assert yard.wait(victim, "running")["attempt"] == 2
    assert "preempted" in yard.facts(victim)
    yard.call("POST", f"/jobs/{victim}/kill", 202)
    yard.wait(victim, "killed")


def test_a_job_that_fits_nowhere_is_refused_and_nothing_of_it_is_stored(yard: Platform) -> None:
    before = yard.call("GET", "/jobs?limit=1")["total"]
    body = {"name": "large", "command": "true", "device_type": "v100", "devices": 64}
    refused = yard.call("POST", "/jobs", 422, json=body)
    assert refused["detail"].startswith("Asks for 64 v100 and 1 cpu on one node, and no node is that large")
    assert [error["field"] for error in refused["errors"]] == ["devices"]
    assert yard.call("POST", "/jobs:validate", 422, json=body)["detail"] == refused["detail"]
    beside = [{"name": "small", "command": "true"}, body, body | {"devices": 0, "device_type": "cpu", "cpus": 4096}]
    outcomes = yard.call("POST", "/jobs:submit-batch", 207, json={"jobs": beside})["outcomes"]
    assert [outcome["status"] for outcome in outcomes] == [201, 422, 422]
    assert yard.call("GET", "/jobs?limit=1")["total"] == before + 1
    assert yard.wait(outcomes[0]["id"])["status"] == "finished"


def test_an_idempotency_key_finds_its_job_again(yard: Platform) -> None:
    body = {"name": "once", "command": "true"}
    first = yard.call("POST", "/jobs", 201, json=body, headers={"Idempotency-Key": "k1"})
    again = yard.call("POST", "/jobs", 201, json=body, headers={"Idempotency-Key": "k1"})
    assert first["id"] == again["id"]
    yard.call("POST", "/jobs", 409, json=body | {"name": "other"}, headers={"Idempotency-Key": "k1"})


def test_a_list_of_jobs_has_one_outcome_each_in_order(yard: Platform) -> None:
    jobs = [{"name": "good", "command": "true"}, {"name": "bad name", "command": "true"}, {"name": "no-command"}]
    outcomes = yard.call("POST", "/jobs:submit-batch", 207, json={"jobs": jobs})["outcomes"]
    assert [outcome["status"] for outcome in outcomes] == [201, 422, 422]
    assert yard.wait(outcomes[0]["id"])["status"] == "finished"
    assert outcomes[1]["problem"]["errors"][0]["field"] == "name"


def test_a_second_platform_on_the_same_data_says_so_and_exits_with_1(yard: Platform) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "services.embedded", "--port", "0", "--data", str(yard.data)],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert second.returncode == 1
    assert str(yard.pid) in second.stderr


def test_a_stop_leaves_running_jobs_alone_and_the_next_start_finds_everything(yard: Platform) -> None:
    id = yard.submit("echo begun; while [ ! -e go ]; do sleep 0.05; done; echo ended")
    wait_until(lambda: yard.lines(id) == ["begun"], "it runs")
    path = yard.job(id)["job_path"]
    assert yard.stop() == 0, "it does not wait for the job"
    (yard.data / "storage" / path / "go").touch()
    yard.start()
    done = yard.wait(id)
    assert (done["status"], done["attempt"]) == ("finished", 1)
    assert yard.lines(id) == ["begun", "ended"]


def test_whoever_stands_beside_its_data_finds_the_platform_at_whatever_port(yard: Platform, tmp_path: Path) -> None:
    place = yard.data / "url"
    assert place.read_text() == f"{yard.url}\n"
    assert place.stat().st_mode & 0o777 == 0o600
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    listed = subprocess.run(
        [sys.executable, "-m", "jobyard", "list", "--json", "--limit", "1"],
        cwd=tmp_path,
        env=clean | {"PYTHONPATH": str(CHECKOUT), "JOBYARD_DATA": str(yard.data), "XDG_CONFIG_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert listed.returncode == 0, listed.stderr


def test_ctrl_c_stops_it_too(yard: Platform) -> None:
    assert yard.stop(signal.SIGINT) == 0
    assert not (yard.data / "url").exists(), "nobody is sent to where nothing listens"
    assert yard.output().rstrip().endswith("stopped")
    yard.start()
    assert yard.call("GET", "/me")["name"] == "admin"


@pytest.mark.parametrize("devices", ["v100", "v100=x", "cpu=3", "v100=8,", "v100=0", "v100=5000"])
def test_devices_that_are_none_are_refused_before_anything_starts(devices: str, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services.embedded", "--data", str(tmp_path / "data"), "--simulate", devices]
    answer = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=240, check=False)
    assert answer.returncode == 2
    assert "v100=8,ascend910=8" in answer.stderr
    assert not (tmp_path / "data").exists()


def test_a_door_whose_port_is_taken_is_said_in_a_sentence_and_the_platform_goes_on(tmp_path: Path) -> None:
    own = Platform(tmp_path / "data")
    with socket.create_server(("127.0.0.1", own.door_port)), socket.create_server(("127.0.0.1", own.ssh_port)):
        try:
            own.start()
            assert f"Port {own.door_port} is taken, so there is no door to" in own.output()
            assert f"Port {own.ssh_port} is taken, so there is no SSH into jobs. Choose another with --ssh-port." in (
                own.output()
            )
            assert own.wait(own.submit("true"))["status"] == "finished"
        finally:
            own.close()


def test_what_the_platform_keeps_is_its_owners_alone_also_in_a_folder_that_was_there(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    own = Platform(data)
    try:
        own.start()
        own.wait(own.submit("echo hello"))
        assert data.stat().st_mode & 0o077 == 0
        documents = list((data / "documents").iterdir())
        assert {path.stat().st_mode & 0o077 for path in documents if path.suffix != ".lock"} == {0}
        assert (data / "logs").stat().st_mode & 0o077 == 0
    finally:
        own.close()
