"""The loop behind the time limits: only what is due, once each, whatever replicas and restarts do."""

import asyncio
from pathlib import Path

from services.jobs.domain.document import JobDocument
from services.jobs.domain.signals import Kill
from services.jobs.expire import AT_ONCE, expire_due
from shared.contracts.job import JobStatus
from shared.ids import new_id
from tests.support.documents import ADA, in_status
from tests.support.jobs import applier, named, stored, twin


def running(seconds: int | None) -> JobDocument:
    return named(in_status(JobStatus.RUNNING, max_duration_s=seconds), new_id())


def facts(job: JobDocument) -> list[str]:
    return [entry.fact for entry in job.history[3:]]


async def test_only_what_is_due_is_warned_and_then_ended(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, clock):
        short, long, endless = await stored(jobs, running(100), running(1000), running(None))
        assert await expire_due(jobs) == 0
        clock.advance(91)
        assert await expire_due(jobs) == 1
        assert await expire_due(jobs) == 0
        clock.advance(10)
        assert await expire_due(jobs) == 1
        assert await expire_due(jobs) == 0
        ended = await jobs.load(short)
        assert (ended.status, ended.state.then) == (JobStatus.KILLING, JobStatus.FAILED)
        assert facts(ended) == ["expiring", "killing"]
        assert {entry.actor.name for entry in ended.history[3:]} == {"jobs"}
        for id in (long, endless):
            assert facts(await jobs.load(id)) == []


async def test_a_job_whose_time_passed_while_nobody_looked_is_ended_at_once(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, clock):
        (id,) = await stored(jobs, running(100))
        clock.advance(5000)
        assert await expire_due(jobs) == 1
        assert facts(await jobs.load(id)) == ["killing"]


async def test_two_replicas_at_once_act_once(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, clock):
        ids = await stored(jobs, *(running(100) for _ in range(20)))
        other = twin(jobs)
        for seconds, expected in ((91, ["expiring"]), (10, ["expiring", "killing"])):
            clock.advance(seconds)
            await asyncio.gather(expire_due(jobs), expire_due(other), expire_due(jobs))
            for id in ids:
                assert facts(await jobs.load(id)) == expected
        await other.outbox.drain()


async def test_a_job_that_was_killed_meanwhile_is_left_alone(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, clock):
        (id,) = await stored(jobs, running(100))
        await jobs.change(id, Kill(), ADA, None)
        clock.advance(5000)
        assert await expire_due(jobs) == 0
        assert (await jobs.load(id)).state.then is JobStatus.KILLED


async def test_many_that_are_due_are_taken_in_bounded_lists_the_longest_due_first(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, clock):
        late = await stored(jobs, running(50))
        await stored(jobs, *(running(100) for _ in range(AT_ONCE)))
        clock.advance(200)
        assert await expire_due(jobs) == AT_ONCE
        assert (await jobs.load(late[0])).status is JobStatus.KILLING
        assert await expire_due(jobs) == 1
