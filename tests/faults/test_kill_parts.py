"""kill -9 of each part and of the whole platform, in mid-job and mid-launch: nothing lost, nothing doubled."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ledger import Ledger
from tests.support.platform import PARTS, Platform, platform
from tests.support.waiting import wait_until

MANY = 1000


@pytest.fixture
def yard() -> Iterator[Platform]:
    with platform("v100=4") as running:
        yield running


@pytest.fixture
def ledger(yard: Platform, tmp_path: Path) -> Ledger:
    return Ledger(yard, tmp_path / "marks")


@pytest.mark.parametrize("part", PARTS)
def test_one_part_killed_again_and_again_under_load(yard: Platform, ledger: Ledger, part: str) -> None:
    with ledger.under_load(threads=4, pause=0.3):
        for count in (8, 16, 24):
            wait_until(lambda count=count: len(ledger.acked) >= count, "some are there")  # type: ignore[misc]
            yard.kill_part(part)
    wait_until(yard.is_ready, "it is ready again")
    ledger.settle()
    ledger.check()


def test_the_whole_platform_killed_in_mid_job_and_mid_launch(yard: Platform, ledger: Ledger) -> None:
    running = yard.submit("echo begun; while [ ! -e go ]; do sleep 0.05; done; echo ended", cpus=0.05)
    wait_until(lambda: yard.lines(running) == ["begun"], "one runs")
    folder = yard.data / "storage" / yard.job(running)["job_path"]
    for _ in range(3):
        for number in range(10):
            ledger.submit(devices=number % 3)
        yard.kill()
        yard.start()
    ledger.settle()
    (folder / "go").touch()
    done = yard.wait(running)
    ledger.check()
    assert (done["status"], done["attempt"]) == ("finished", 1), "it was adopted, not started again"
    assert yard.lines(running) == ["begun", "ended"]


def test_a_restart_with_a_thousand_finished_jobs(yard: Platform, ledger: Ledger, tmp_path: Path) -> None:
    """It starts, lists them all, runs none of them again, and has room for the next."""
    marks = tmp_path / "thousand"
    job = {"name": "small", "command": f"echo $JOBYARD_JOB_ID >> {marks}", "cpus": 0.05}
    outcomes = [yard.call("POST", "/jobs:submit-batch", 207, json={"jobs": [job] * (MANY // 2)}) for _ in range(2)]
    ids = {outcome["id"] for answer in outcomes for outcome in answer["outcomes"]}

    def finished() -> int:
        return int(yard.call("GET", "/jobs", params={"status": "finished", "limit": 1})["total"])

    wait_until(lambda: finished() == MANY, "all ran", within=200)
    yard.kill()
    yard.start()
    ledger.submit()
    ledger.settle()
    ledger.check()
    listed = {one["id"]: one for one in ledger.jobs()}
    assert ids <= listed.keys()
    assert {(listed[id]["status"], listed[id]["attempt"]) for id in ids} == {("finished", 1)}
    assert Counter(marks.read_text().split()) == Counter(ids)
