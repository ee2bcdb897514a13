"""Backups are restored and moved, and what starts on them is the platform that was backed up."""

import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.support.admin import admin, done
from tests.support.mongo import MongoServer
from tests.support.nats import NatsServer
from tests.support.platform import Platform
from tests.support.separate import SeparateServices
from tests.support.waiting import wait_until


@dataclass
class Past:
    """A platform that has run, was backed up while it ran, and was killed; and what it said of its jobs."""

    folder: Path
    data: Path
    file: Path
    said: str
    jobs: dict[str, dict[str, Any]]
    facts: dict[str, list[str]]
    lines: dict[str, list[str]]

    def note(self) -> Path:
        return self.folder / "starts"

    def starts(self, id: str) -> int:
        """How often a job's command has begun, wherever that was."""
        return self.note().read_text().split().count(id)


RUNS_OVER = 3
"""Before the backup: those of the jobs that are over, and of the one that is paused."""


def runs_counted(yard: Platform | SeparateServices) -> int:
    """How many runs the usage of these days is made of."""
    days = [str(datetime.now(UTC).date() + timedelta(days=number)) for number in (-1, 1)]
    found = yard.call("GET", f"/usage?first={days[0]}&last={days[1]}&group=", 200)["items"]
    return sum(line["runs"] for line in found)


NOTE = 'echo "$JOBYARD_JOB_ID" >> {note}; '


@pytest.fixture(scope="module")
def past() -> Iterator[Past]:
    with tempfile.TemporaryDirectory(prefix="jobyard-") as name:
        folder = Path(name)
        yard = Platform(folder / "old", environment={"JOBYARD_LOGS_SAVE_EVERY_S": "0.1"})
        note = NOTE.format(note=folder / "starts")
        try:
            yard.start()
            yard.call("PUT", "/me/secrets/token", 201, json={"value": "a-secret-value"})
            over = [yard.submit(f"{note}echo hello; exit {code}", name=f"over-{code}") for code in (0, 3)]
            for id in over:
                yard.wait(id)
            paused = yard.submit(
                f'{note}test "$JOBYARD_RESUME" || sleep 600', name="paused", grace_period_s=1, endpoints=["ssh"]
            )
            yard.wait(paused, "running")
            yard.call("POST", f"/jobs/{paused}/pause", 202)
            yard.wait(paused, "paused")
            running = yard.submit(
                f'{note}test "$JOBYARD_RESUME" && exit 0; while :; do sleep 0.1; done', name="running"
            )
            yard.wait(running, "running")
            secret = {"TOKEN": {"secret": "token"}}
            waiting = yard.submit(
                f'{note}test "$TOKEN" = a-secret-value', name="waiting", env=secret, device_type="none-such", devices=1
            )
            ids = [*over, paused, running, waiting]
            rings = yard.data / "logs"
            wait_until(lambda: all(any(rings.rglob(f"{id}.ring")) for id in over), "their consoles are on disk")
            wait_until(lambda: runs_counted(yard) == RUNS_OVER, "what was used is counted")
            said = done("backup", folder / "backup.tar.gz", "--data", yard.data)
            jobs = {id: yard.job(id) for id in ids}
            facts = {id: yard.facts(id) for id in ids}
            lines = {id: yard.lines(id) for id in over}
            yard.call("POST", f"/jobs/{running}/kill", 202)
            yard.wait(running)
            yard.stop()
            yield Past(folder, yard.data, folder / "backup.tar.gz", said, jobs, facts, lines)
        finally:
            yard.close()


def of(past: Past, name: str) -> str:
    return next(id for id, job in past.jobs.items() if job["name"] == name)


def check_the_past(yard: Platform | SeparateServices, past: Past) -> None:
    """Everything that was there is there, and nothing that was over runs again."""
    assert runs_counted(yard) >= RUNS_OVER, "at most two runs have ended since"
    listed = {job["id"] for job in yard.call("GET", "/jobs", 200)["items"]}
    assert listed >= past.jobs.keys()
    for name in ("over-0", "over-3"):
        id = of(past, name)
        wait_until(lambda id=id: yard.job(id) == past.jobs[id], "it is as it was, with what it has used")  # type: ignore[misc]
        assert yard.facts(id) == past.facts[id]
        assert yard.lines(id) == past.lines[id]
    paused = of(past, "paused")
    assert yard.job(paused)["status"] == "paused"
    endpoints = yard.call("GET", f"/jobs/{paused}/endpoints", 200)["items"]
    assert [(one["name"], one["status"]) for one in endpoints] == [("ssh", "requested")]
    yard.call("POST", f"/jobs/{paused}/resume", 202)
    assert yard.wait(paused)["status"] == "finished"
    new = yard.submit('test "$TOKEN" = a-secret-value', env={"TOKEN": {"secret": "token"}})
    assert yard.wait(new)["status"] == "finished"
    assert [past.starts(of(past, name)) for name in ("over-0", "over-3")] == [1, 1]


def test_a_backup_of_a_running_platform_starts_elsewhere_with_its_whole_past(past: Past) -> None:
    assert stat.S_IMODE(past.file.stat().st_mode) == 0o600
    assert "documents of endpoints, gateway, jobs" in past.said
    data = past.folder / "restored"
    done("restore", past.file, "--data", data)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    yard = Platform(data)
    try:
        yard.start()
        running = of(past, "running")
        again = yard.wait(running)
        assert (again["status"], again["attempt"]) == ("finished", 2)
        assert yard.facts(running)[: len(past.facts[running])] == past.facts[running]
        assert "retried" in yard.facts(running)
        assert past.starts(running) == 2
        wait_until(lambda: yard.job(of(past, "waiting"))["status"] == "queued", "what waited still waits")
        check_the_past(yard, past)
    finally:
        yard.close()


def test_documents_move_to_a_mongodb_and_the_separate_services_go_on_with_them(past: Past) -> None:
    data = past.folder / "moved"
    done("restore", past.file, "--data", data)
    with ExitStack() as stack:
        nats, mongo = stack.enter_context(NatsServer()), stack.enter_context(MongoServer())
        said = done("migrate", "--data", data, JOBYARD_MONGO_URL=mongo.url)
        assert "jobs.jobs: 5 documents" in said
        assert "gateway.secrets: 1 documents" in said
        assert "endpoints.endpoints: 1 documents" in said
        twice = admin("migrate", "--data", data, JOBYARD_MONGO_URL=mongo.url)
        assert (twice.returncode, "were moved to this MongoDB before" in twice.stderr) == (1, True)
        yard = SeparateServices(data, nats, mongo)
        stack.callback(yard.close)
        yard.start()
        check_the_past(yard, past)


def test_what_is_damaged_or_in_the_way_is_refused_and_changes_nothing(past: Past, tmp_path: Path) -> None:
    target = tmp_path / "data"
    whole = past.file.read_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "other").write_bytes(whole[:5000] + bytes([whole[5000] ^ 0xFF]) + whole[5001:])
    (tmp_path / "text").write_text("no archive")
    for name in ("half", "other", "text", "missing"):
        result = admin("restore", tmp_path / name, "--data", target)
        assert (result.returncode, result.stderr[:7]) == (1, "error: "), name
        assert not target.exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["half", "other", "text"]
    full = admin("restore", past.file, "--data", past.data)
    assert (full.returncode, "is not empty" in full.stderr) == (1, True)
    there = admin("backup", past.file, "--data", past.data)
    assert (there.returncode, "exists already" in there.stderr) == (1, True)
    assert past.file.read_bytes() == whole
    nothing = admin("backup", tmp_path / "b", "--data", tmp_path / "nothing")
    assert (nothing.returncode, "There are no documents" in nothing.stderr) == (1, True)
    nowhere = admin("migrate", "--data", past.data)
    assert (nowhere.returncode, "JOBYARD_MONGO_URL" in nowhere.stderr) == (1, True)
    elsewhere = admin("backup", tmp_path / "b", "--data", past.data, JOBYARD_MONGO_URL="mongodb://127.0.0.1:1/")
    assert (elsewhere.returncode, "mongodump" in elsewhere.stderr) == (1, True)


def test_a_backup_without_keys_says_so_and_its_platform_makes_do(past: Past, tmp_path: Path) -> None:
    (tmp_path / "backups").mkdir()
    said = done("backup", tmp_path / "backups", "--data", past.data, "--without-keys")
    assert "admin-password, secret-key" in said
    (file,) = (tmp_path / "backups").iterdir()
    done("restore", file, "--data", tmp_path / "data")
    assert not (tmp_path / "data" / "admin-password").exists()
    shutil.copy(past.data / "admin-password", tmp_path / "data")
    yard = Platform(tmp_path / "data")
    try:
        yard.start()
        refused = yard.http.put("/api/v1/me/secrets/x", headers=yard.headers(), json={"value": "x"})
        assert refused.status_code == 503
        assert "does not have the key" in refused.json()["detail"]
        assert [item["name"] for item in yard.call("GET", "/me/secrets", 200)["items"]] == ["token"]
    finally:
        yard.close()


def test_a_new_key_of_secrets_is_taken_at_the_next_start(past: Past, tmp_path: Path) -> None:
    data = tmp_path / "data"
    done("restore", past.file, "--data", data)
    old = (data / "secret-key").read_text()
    done("rotate-secret-key", "--data", data)
    new, *rest = (data / "secret-key").read_text().split()
    assert rest == old.split() and new not in rest
    yard = Platform(data)
    try:
        yard.start()
        (data / "secret-key").write_text(new)
        yard.stop()
        yard.start()
        id = yard.submit('test "$TOKEN" = a-secret-value', env={"TOKEN": {"secret": "token"}})
        assert yard.wait(id)["status"] == "finished"
    finally:
        yard.close()
