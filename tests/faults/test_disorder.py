"""Events that come again, in any order, and messages that nobody can read: nothing changes, and the services go on."""

import asyncio
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client

from shared.contracts import subjects
from shared.ids import new_id
from tests.support.audit import audit, client, owed, read
from tests.support.ledger import Ledger
from tests.support.platform import Platform, platform
from tests.support.waiting import wait_until

MESSAGE_BYTES = 512 * 1024


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform("v100=4") as running:
        yield running


@pytest.fixture
def ledger(yard: Platform, tmp_path: Path) -> Ledger:
    return Ledger(yard, tmp_path / "marks")


async def _replay(url: str, seed: int) -> None:
    """All that was ever said about jobs and runs, twice more, shuffled."""
    async with client(url) as connection:
        said = await read(connection, "EVENTS", "evt.job.>") + await read(connection, "EVENTS", "evt.run.>")
        copies = said * 2
        random.Random(seed).shuffle(copies)
        for number, message in enumerate(copies):
            await _publish(connection, message.subject, message.data, f"copy-{seed}-{number}")


async def _publish(connection: Client, subject: str, payload: bytes, message_id: str | None = None) -> None:
    await connection.jetstream().publish(subject, payload, headers={"Nats-Msg-Id": message_id or new_id()})


def _jobs(ledger: Ledger) -> dict[str, dict[str, Any]]:
    """Every job; what it uses goes on while it runs, and is counted in its own time."""
    return {job["id"]: {name: job[name] for name in job.keys() - {"usage"}} for job in ledger.jobs()}


def test_the_whole_stream_again_and_shuffled_changes_nothing(yard: Platform, ledger: Ledger, tmp_path: Path) -> None:
    go = tmp_path / "go"
    until_told = f"trap 'exit 0' TERM; while [ ! -e {go} ]; do sleep 0.05; done; exit 0"
    for number in range(12):
        ledger.submit(devices=number % 2)
    runs, resumed, paused, killed, waits = (
        yard.submit(until_told, cpus=0.05, device_type="v100", devices=devices) for devices in (1, 1, 1, 1, 2)
    )
    ledger.settle()
    for id in (runs, resumed, paused, killed):
        yard.wait(id, "running")
    yard.call("POST", f"/jobs/{resumed}/pause")
    yard.call("POST", f"/jobs/{paused}/pause")
    yard.call("POST", f"/jobs/{killed}/kill")
    yard.wait(resumed, "paused")
    yard.wait(paused, "paused")
    yard.wait(killed, "killed")
    yard.call("POST", f"/jobs/{resumed}/resume")
    yard.wait(resumed, "running")
    yard.wait(waits, "running")
    wait_until(lambda: not owed(yard.nats_url), "everything was heard")
    jobs, marks = _jobs(ledger), ledger.runs()

    seed = random.randrange(1 << 32)
    asyncio.run(_replay(yard.nats_url, seed))
    wait_until(lambda: not owed(yard.nats_url), "everything was heard again")
    ledger.submit()
    ledger.settle()
    assert {id: job for id, job in _jobs(ledger).items() if id in jobs} == jobs, f"seed {seed}"
    assert {id: those for id, those in ledger.runs().items() if id in marks} == marks, f"seed {seed}"

    go.touch()
    for id in (runs, resumed, waits):
        assert yard.wait(id)["status"] == "finished"
    yard.call("POST", f"/jobs/{paused}/kill")
    ledger.check()


POISON = {
    "bad JSON": b"{",
    "not text": b"\xff\xfe\x00",
    "another schema": json.dumps({"specversion": "2.0", "data": {"$ne": None}}).encode(),
    "close to the limit": b'{"id": "' + b"x" * (MESSAGE_BYTES - 1000) + b'"}',
}


def test_messages_that_nobody_can_read_are_kept_apart_and_the_services_go_on(yard: Platform, ledger: Ledger) -> None:
    ledger.submit(seconds=2)
    ledger.submit(seconds=2, devices=1)
    (victim, _) = ledger.acked
    poisoned = [
        f"evt.{noun}.{fact}.v1.default.{victim}"
        for noun, facts in {
            "run": ("started", "exited", "exploded"),
            "job": ("scheduled", "killing", "exploded"),
        }.items()
        for fact in facts
    ]

    async def poison() -> None:
        async with client(yard.nats_url) as connection:
            for payload in POISON.values():
                for subject in poisoned:
                    await _publish(connection, subject, payload)
                await _publish(connection, subjects.log(victim), payload)

    with ledger.under_load(pause=0.3):
        wait_until(lambda: yard.job(victim)["status"] == "running", "it runs")
        parts = {name: yard.part(name) for name in ("core", "executor", "gateway")}
        asyncio.run(poison())
    ledger.settle()
    ledger.check(dead=True)
    assert {name: yard.part(name) for name in parts} == parts, "no part had to start anew"

    def buried() -> set[str]:
        return set(audit(yard.nats_url).dead)

    wanted = {f"dead.followers.{subject}" for subject in poisoned if subject.startswith("evt.job.")}
    wanted |= {f"dead.jobs.{subject}" for subject in poisoned if subject.startswith("evt.run.")}
    wait_until(lambda: wanted <= buried(), "each is kept as a dead letter")


def test_a_console_with_an_unreadable_chunk_in_it_is_followed_to_its_end(yard: Platform, tmp_path: Path) -> None:
    go = tmp_path / "go"
    id = yard.submit(f"echo before; while [ ! -e {go} ]; do sleep 0.05; done; echo after", cpus=0.05)
    wait_until(lambda: yard.lines(id) == ["before"], "it writes")

    async def poison() -> None:
        async with client(yard.nats_url) as connection:
            await _publish(connection, subjects.log(id), b"{")

    texts: list[str] = []
    with yard.http.stream("GET", f"/api/v1/jobs/{id}/logs/follow", headers=yard.headers(), timeout=30) as answer:
        events = answer.iter_lines()
        for line in events:
            if line.startswith("data:") and "before" in line:
                asyncio.run(poison())
                go.touch()
            if line.startswith("data:"):
                texts += [one["text"] for one in json.loads(line[5:]).get("lines", ())]
            if line == "event: end":
                break
        else:
            pytest.fail(f"the console broke off after {texts}")
    assert texts == ["before", "after"] == yard.lines(id)


def test_the_feed_passes_over_what_nobody_can_read(yard: Platform) -> None:
    def poison() -> None:
        async def publish() -> None:
            async with client(yard.nats_url) as connection:
                for payload in POISON.values():
                    await _publish(connection, f"evt.job.scheduled.v1.default.{new_id()}", payload)

        asyncio.run(publish())

    with yard.http.stream("GET", "/api/v1/events", headers=yard.headers(), timeout=30) as answer:
        lines = answer.iter_lines()
        first = yard.submit("true", cpus=0.05)
        events = (json.loads(line[5:]) for line in lines if line.startswith("data:"))
        assert next(event for event in events if event.get("subject") == first)
        poison()
        second = yard.submit("true", cpus=0.05)
        seen = next(event for event in events if event.get("subject") == second)
        assert seen["type"] == "io.jobyard.job.submitted.v1"
