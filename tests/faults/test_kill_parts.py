"""Kills under load, judged by the oracle of the promises: nothing lost, nothing doubled, running jobs go on."""

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ledger import Ledger
from tests.support.platform import Platform, platform
from tests.support.waiting import wait_until

PARTS = ("nats-server", "core", "executor", "gateway")


@pytest.fixture
def yard() -> Iterator[Platform]:
    with platform() as running:
        yield running


@pytest.fixture
def ledger(yard: Platform, tmp_path: Path) -> Ledger:
    return Ledger(yard, tmp_path / "marks")


def _ready(yard: Platform) -> bool:
    try:
        return yard.http.get("/readyz").status_code == 200
    except OSError:
        return False
    except Exception as error:
        if type(error).__module__.startswith("httpx"):
            return False
        raise


def test_the_whole_platform_killed_in_mid_job_and_mid_launch(yard: Platform, ledger: Ledger) -> None:
    running = yard.submit("echo begun; while [ ! -e go ]; do sleep 0.05; done; echo ended")
    wait_until(lambda: yard.lines(running) == ["begun"], "one runs")
    folder = yard.data / "storage" / yard.job(running)["job_path"]
    for _ in range(3):
        for _ in range(10):
            ledger.submit()
        yard.kill()
        yard.start()
    ledger.settle()
    ledger.check()
    (folder / "go").touch()
    done = yard.wait(running)
    assert (done["status"], done["attempt"]) == ("finished", 1), "it was adopted, not started again"
    assert yard.lines(running) == ["begun", "ended"]


@pytest.mark.parametrize("part", PARTS)
def test_one_part_killed_again_and_again_under_load(yard: Platform, ledger: Ledger, part: str) -> None:
    for _ in range(3):
        for _ in range(8):
            ledger.submit()
        before = yard.parts()
        os.kill(before[PARTS.index(part)], signal.SIGKILL)
        wait_until(lambda before=before: set(yard.parts()) != set(before), "it is started again")  # type: ignore[misc]
        wait_until(lambda: len(yard.parts()) == len(PARTS), "all parts live")
        for _ in range(8):
            ledger.submit()
    wait_until(lambda: _ready(yard), "it is ready again")
    ledger.settle()
    ledger.check()


def test_a_deleted_event_store_is_made_again_and_every_job_still_ends(yard: Platform, ledger: Ledger) -> None:
    for _ in range(10):
        ledger.submit(seconds=1)
    nats = yard.parts()[0]
    shutil.rmtree(yard.data / "nats" / "store")
    os.kill(nats, signal.SIGKILL)
    for _ in range(5):
        ledger.submit(seconds=0.2)
    ledger.settle(within=120)
    for id in ledger.acked:
        assert yard.job(id)["status"] == "finished"
