"""A node that never returns: an operator says so, and its jobs go on elsewhere; of one that lives nobody may say so."""

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.bus.bus import connect
from shared.contracts import subjects
from tests.support.admin import admin, done
from tests.support.platform import Platform
from tests.support.waiting import wait_until

RUNS = 'test "$JOBYARD_RESUME" && exit 0; while :; do sleep 0.1; done'
STAYS = "trap '' TERM; echo begun; while :; do sleep 0.1; done"


@dataclass
class Moved:
    """A platform on the backup of another one, on a node of another name, with what was on the first one's node."""

    yard: Platform
    said: str
    running: str
    killing: str


@pytest.fixture(scope="module")
def moved() -> Iterator[Moved]:
    with tempfile.TemporaryDirectory(prefix="jobyard-") as name:
        folder = Path(name)
        with _platform(folder / "old", "old") as first:
            running = first.submit(RUNS, name="running")
            killing = first.submit(STAYS, name="killing", grace_period_s=600)
            first.wait(running, "running")
            wait_until(lambda: first.lines(killing) == ["begun"], "it does not hear SIGTERM any more")
            first.call("POST", f"/jobs/{killing}/kill", 202)
            first.wait(killing, "killing")
            done("backup", folder / "backup.tar.gz", "--data", first.data)
        said = done("restore", folder / "backup.tar.gz", "--data", folder / "new")
        with _platform(folder / "new", "new") as second:
            yield Moved(second, said, running, killing)


@contextmanager
def _platform(data: Path, node: str, **environment: str) -> Iterator[Platform]:
    yard = Platform(data, environment={"JOBYARD_EXECUTOR_NODE": node} | environment)
    try:
        yard.start()
        yield yard
    finally:
        yard.close()


async def follow(yard: Platform, node: str) -> None:
    """Let NATS keep a place in the events for the executor of this node, as if it had been here once."""
    async with connect(yard.nats_url, "test") as bus:
        await bus.js.add_consumer(subjects.EVENTS, durable_name=f"{subjects.EXECUTORS}-{node}")


async def follows(yard: Platform, node: str) -> bool:
    """Whether NATS keeps such a place."""
    async with connect(yard.nats_url, "test") as bus:
        consumers = await bus.js.consumers_info(subjects.EVENTS)
    return f"{subjects.EXECUTORS}-{node}" in {one.name for one in consumers}


def statuses(moved: Moved) -> tuple[str, str]:
    return moved.yard.job(moved.running)["status"], moved.yard.job(moved.killing)["status"]


def test_a_restore_names_the_nodes_that_hold_jobs_and_what_to_do_about_them(moved: Moved) -> None:
    assert "2 job(s) held something on old." in moved.said
    assert f"jobyard admin node forget old --data {moved.yard.data}" in moved.said


def test_a_node_that_reports_is_not_forgotten(moved: Moved) -> None:
    lives = moved.yard.submit("sleep 600")
    moved.yard.wait(lives, "running")
    refused = admin("node", "forget", "new", "--yes", "--data", moved.yard.data)
    assert (refused.returncode, refused.stderr[:27]) == (1, "error: The node new reports")
    assert moved.yard.job(lives)["status"] == "running"
    moved.yard.call("POST", f"/jobs/{lives}/kill", 202)
    moved.yard.wait(lives, "killed")


def test_a_node_whose_report_is_lost_is_not_forgotten_while_its_executor_answers(tmp_path: Path) -> None:
    async def lose(url: str) -> None:
        async with connect(url, "test") as bus:
            await (await bus.js.key_value(subjects.NODES)).delete("quiet")

    with _platform(tmp_path / "data", "quiet", JOBYARD_EXECUTOR_REPORT_S="600") as yard:
        asyncio.run(lose(yard.nats_url))
        refused = admin("node", "forget", "quiet", "--yes", "--data", yard.data)
        assert (refused.returncode, refused.stderr[:37]) == (1, "error: The executor of quiet answers:")


def test_nothing_is_told_without_a_yes(moved: Moved) -> None:
    words = ("node", "forget", "old", "--data", moved.yard.data)
    asyncio.run(follow(moved.yard, "old"))
    nobody = admin(*words)
    assert (nobody.returncode, "Add --yes" in nobody.stderr) == (1, True)
    no = done(*words, answer="n")
    assert "Nothing was told" in no
    assert f"{moved.running}  running     attempt 1  admin  running" in no
    assert statuses(moved) == ("running", "killing")
    assert asyncio.run(follows(moved.yard, "old"))


def test_a_node_that_holds_nothing_is_forgotten_by_nats(moved: Moved) -> None:
    asyncio.run(follow(moved.yard, "idle"))
    assert "Nothing was told of idle" in done("node", "forget", "idle", "--data", moved.yard.data)
    assert not asyncio.run(follows(moved.yard, "idle"))


def test_jobs_of_a_forgotten_node_run_elsewhere_and_what_was_being_killed_is_killed(moved: Moved) -> None:
    yard = moved.yard
    assert statuses(moved) == ("running", "killing")
    asyncio.run(follow(yard, "old"))
    said = done("node", "forget", "old", "--yes", "--data", yard.data)
    assert "2 run(s) on old are lost" in said
    assert not asyncio.run(follows(yard, "old")), "else it would be further behind with each event"
    assert asyncio.run(follows(yard, "new"))
    assert yard.wait(moved.killing)["status"] == "killed"
    again = yard.wait(moved.running)
    assert (again["status"], again["attempt"]) == ("finished", 2)
    events = yard.call("GET", f"/jobs/{moved.running}/events", 200)["items"]
    (retried,) = (event["data"] for event in events if event["type"] == "io.jobyard.job.retried.v1")
    assert retried["actor"] == {"kind": "service", "name": "admin"}
    assert "An operator said that old does not come back." in retried["job"]["state"]["reason"]["message"]
    assert "Nothing was told" in done("node", "forget", "old", "--yes", "--data", yard.data)


def test_a_tool_that_finds_no_platform_says_how_to_name_it(moved: Moved, tmp_path: Path) -> None:
    nowhere = admin("node", "forget", "old", "--data", tmp_path)
    assert (nowhere.returncode, "set JOBYARD_NATS_URL" in nowhere.stderr) == (1, True)
    wrong = admin("node", "forget", "a.>", "--data", moved.yard.data)
    assert (wrong.returncode, "no name of a node" in wrong.stderr) == (1, True)
