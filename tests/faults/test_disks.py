"""Full disks, small ones of their own: what was acknowledged is kept, the rest is refused, and room heals it."""

from contextlib import closing
from pathlib import Path

import httpx

from tests.support.disks import small_disk
from tests.support.ledger import Ledger
from tests.support.nats import NatsServer
from tests.support.platform import Platform, platform
from tests.support.waiting import wait_until


def test_the_disk_of_nats_is_full_for_a_time(tmp_path: Path) -> None:
    """Jobs are stored, but nobody hears of them, and what runs cannot say how it ended; the platform says so itself.

    A nats-server that could not write a stream does not write it again until it is restarted.
    """
    with (
        small_disk(tmp_path / "disk", 16) as disk,
        NatsServer(disk.folder) as nats,
        platform("v100=4", JOBYARD_NATS_URL=nats.url) as yard,
    ):
        ledger = Ledger(yard, tmp_path / "marks")
        for _ in range(6):
            ledger.submit(seconds=1)
        with ledger.under_load():
            wait_until(lambda: len(ledger.runs()) >= 6, "some run")
            disk.fill()
            wait_until(lambda: yard.unrelayed() > 4, "events wait in the outbox")
            wait_until(lambda: "make room" in yard.http.get("/readyz").text, "the platform says what it needs")
            disk.free()
            nats.restart()
        wait_until(yard.is_ready, "it is ready again")
        ledger.settle()
        ledger.check()


def test_the_disk_of_the_consoles_is_full_for_a_time(tmp_path: Path) -> None:
    """Lines stay in memory meanwhile, and a kill costs none: the stream has them still."""
    with (
        small_disk(tmp_path / "disk", 4) as disk,
        platform("v100=4", JOBYARD_LOGS_FOLDER=str(disk.folder), JOBYARD_LOGS_SAVE_EVERY_S="0.5") as yard,
    ):
        ledger = Ledger(yard, tmp_path / "marks")
        disk.fill()
        with ledger.under_load():
            wait_until(lambda: len(ledger.acked) > 10, "jobs go on")
            yard.kill_part("core")
            wait_until(lambda: len(ledger.acked) > 20, "jobs go on")
            disk.free()
        ledger.settle()
        ledger.check()


def test_the_disk_of_the_documents_is_full_for_a_time(tmp_path: Path) -> None:
    """What cannot be stored is refused with 503, and what happened meanwhile to running jobs is taken in later."""
    data = tmp_path / "data"
    yard = Platform(data, "v100=4", {"JOBYARD_GATEWAY_SUBMIT_DEADLINE_S": "2"})
    with small_disk(data / "documents", 8) as disk, closing(yard):
        yard.start()
        ledger = Ledger(yard, tmp_path / "marks")
        for _ in range(6):
            ledger.submit(seconds=2)
        wait_until(lambda: len(ledger.runs()) >= 6, "they run")
        with ledger.under_load(pause=0.3):
            disk.fill()
            wait_until(lambda: ledger.answers[503] >= 3, "submissions are refused")
            disk.free()
            taken = ledger.answers[201]
            wait_until(lambda: ledger.answers[201] > taken + 5, "submissions are taken again")
        ledger.settle()
        ledger.check()


def test_new_jobs_are_refused_before_the_disk_of_the_data_is_full(tmp_path: Path) -> None:
    """With a sentence, at once and without a trace; what is there can still be read and killed, and runs to its end."""
    settings = {"JOBYARD_MIN_FREE_MIB": "40"}
    with small_disk(tmp_path / "disk", 128) as disk, NatsServer() as nats:
        yard = Platform(disk.folder / "data", "v100=4", settings | {"JOBYARD_NATS_URL": nats.url})
        with closing(yard):
            yard.start()
            ledger = Ledger(yard, tmp_path / "marks")
            ledger.submit(seconds=1)
            endless = yard.submit("while sleep 0.1; do :; done", cpus=0.05)
            yard.wait(endless, "running")
            disk.leave(30)
            wait_until(lambda: _submit(yard).status_code == 503, "submissions are refused")
            before = {job["id"] for job in ledger.jobs()}
            refused = _submit(yard)
            assert refused.headers["content-type"] == "application/problem+json"
            assert refused.json()["code"] == "storage_full"
            assert "keeps 40 MiB free" in refused.json()["detail"]
            assert int(refused.headers["retry-after"]) >= 1
            batch = yard.post("/api/v1/jobs:submit-batch", json={"jobs": [JOB, JOB]}, headers=yard.headers())
            assert batch.status_code == 503
            assert {job["id"] for job in ledger.jobs()} == before, "nothing was stored"
            wait_until(yard.is_ready, "it is ready nevertheless")
            yard.call("POST", f"/jobs/{endless}/kill")
            assert yard.wait(endless)["status"] == "killed"
            ledger.settle()
            disk.free()
            wait_until(lambda: _submit(yard).status_code == 201, "submissions are taken again")
            ledger.check()


JOB = {"name": "small", "command": "true", "cpus": 0.05}


def _submit(yard: Platform) -> httpx.Response:
    return yard.post("/api/v1/jobs", json=JOB, headers=yard.headers())


def test_new_jobs_are_refused_before_the_stream_of_events_is_full(tmp_path: Path) -> None:
    with platform("v100=4", JOBYARD_EVENTS_MAX_BYTES=str(200_000)) as yard:
        ids: list[str] = []
        while (answer := _submit(yard)).status_code == 201:
            ids.append(answer.json()["id"])
        assert answer.json()["code"] == "storage_full"
        assert "JOBYARD_EVENTS_MAX_BYTES" in answer.json()["detail"]
        assert len(ids) > 10
