"""One wish for many jobs: one outcome each, in order, in one message."""

import asyncio
from datetime import timedelta
from pathlib import Path

from services.jobs.checkpoints import SILENCE_S
from services.jobs.wishes import change_all, pause
from shared.contracts.commands.changes import MANY, Changed, ChangeJob, ChangeJobs, JobAction
from shared.contracts.commands.checkpoints import Checkpoints, GetCheckpoints, LastCheckpoint
from shared.contracts.job import JobStatus
from shared.ids import new_id
from tests.support.documents import ADA, NOW, in_status, queued
from tests.support.jobs import Taken, applier, named, stored, twin

LARGEST_MESSAGE = 512 * 1024


def wish(action: JobAction, *ids: str, priority: int | None = None) -> ChangeJobs:
    return ChangeJobs(ids=ids, action=action, priority=priority, actor=ADA, correlation_id="r-1")


def statuses(outcomes: tuple[Changed, ...]) -> list[int | None]:
    return [outcome.refusal.status if outcome.refusal else None for outcome in outcomes]


async def test_each_job_is_decided_for_itself(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, _):
        all_statuses = (JobStatus.QUEUED, JobStatus.RUNNING, JobStatus.PAUSED, JobStatus.FINISHED, JobStatus.KILLED)
        ids = await stored(jobs, *(named(in_status(status), new_id()) for status in all_statuses))
        unknown = new_id()
        asked = (*ids[3:], unknown, *ids[:3])
        outcomes = (await change_all(jobs, wish(JobAction.KILL, *asked))).outcomes
        assert [outcome.id for outcome in outcomes] == list(asked)
        assert statuses(outcomes) == [409, None, 404, None, None, None]
        now = {id: (await jobs.load(id)).status for id in ids}
        assert [now[id] for id in ids] == [
            *(JobStatus.KILLED, JobStatus.KILLING, JobStatus.KILLED),
            *(JobStatus.FINISHED, JobStatus.KILLED),
        ]
        assert (await jobs.load(ids[0])).history[-1].actor == ADA


async def test_a_thousand_refusals_fit_in_a_message(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, _):
        ids = await stored(jobs, *(named(in_status(JobStatus.FINISHED), new_id()) for _ in range(MANY // 2)))
        asked = wish(JobAction.PRIORITY, *ids, *(new_id() for _ in range(MANY // 2)), priority=7)
        outcomes = await change_all(jobs, asked)
        assert set(statuses(outcomes.outcomes)) == {409, 404}
        assert len(outcomes.model_dump_json()) < LARGEST_MESSAGE
        assert len(asked.model_dump_json()) < LARGEST_MESSAGE


async def test_two_wishes_for_the_same_jobs_at_once_are_both_carried_out(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, _):
        ids = await stored(jobs, *(named(queued(), new_id()) for _ in range(50)))
        other = twin(jobs)
        answers = await asyncio.gather(
            change_all(jobs, wish(JobAction.PRIORITY, *ids, priority=7)), change_all(other, wish(JobAction.KILL, *ids))
        )
        assert set(statuses(answers[1].outcomes)) == {None}
        for id, outcome in zip(ids, answers[0].outcomes, strict=True):
            job = await jobs.load(id)
            assert job.status is JobStatus.KILLED
            assert (job.state.priority == 7) == (outcome.refusal is None)
        await other.outbox.drain()


async def test_a_pause_of_many_asks_each_node_once_and_one_that_is_silent_leaves_it_open(tmp_path: Path) -> None:
    def answer(ask: GetCheckpoints) -> Checkpoints:
        return Checkpoints(
            items=tuple(LastCheckpoint(job_id=run.job_id, attempt=run.attempt, written_at=NOW) for run in ask.runs)
        )

    async with applier(tmp_path) as (jobs, _):
        assert isinstance(jobs.bus, Taken)
        ids = await stored(jobs, *(named(in_status(JobStatus.RUNNING), new_id()) for _ in range(3)))
        jobs.bus.nodes["node-1"] = answer
        await change_all(jobs, wish(JobAction.PAUSE, *ids[:2]))
        assert [len(ask.runs) for ask in jobs.bus.asked] == [2]
        del jobs.bus.nodes["node-1"]
        await pause(jobs, ChangeJob(id=ids[2], actor=ADA))
        reasons = [(await jobs.load(id)).state.reason for id in ids]
        known = [reason.details.get("checkpoint_at", "open") if reason else None for reason in reasons]
        assert known == ["2026-01-02T03:04:05.000Z", "2026-01-02T03:04:05.000Z", "open"]


async def test_a_node_that_did_not_answer_is_not_asked_again_for_a_while_by_anybody(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, clock):
        assert isinstance(jobs.bus, Taken)
        ids = await stored(jobs, *(named(in_status(JobStatus.RUNNING), new_id()) for _ in range(4)))
        await pause(jobs, ChangeJob(id=ids[0], actor=ADA))
        await pause(jobs, ChangeJob(id=ids[1], actor=ADA))
        await change_all(jobs, wish(JobAction.PAUSE, ids[2]))
        assert len(jobs.bus.asked) == 1
        assert {(await jobs.load(id)).status for id in ids[:3]} == {JobStatus.PAUSING}
        clock.set_wall(NOW + timedelta(days=1))
        await change_all(jobs, wish(JobAction.PAUSE, ids[2]))
        assert len(jobs.bus.asked) == 1, "a clock that was set is no while"
        clock.advance(SILENCE_S)
        await pause(jobs, ChangeJob(id=ids[3], actor=ADA))
        assert len(jobs.bus.asked) == 2


async def test_every_change_of_a_priority_says_who_when_and_from_what(tmp_path: Path) -> None:
    async with applier(tmp_path) as (jobs, clock):
        (id,) = await stored(jobs, named(queued(), new_id()))
        for priority in (7, 900, 900):
            clock.advance(1)
            await change_all(jobs, wish(JobAction.PRIORITY, id, priority=priority))
        changes = [entry for entry in (await jobs.load(id)).history if entry.fact == "priority_changed"]
        assert [(entry.facts["previous"], entry.state.priority) for entry in changes] == [(100, 7), (7, 900)]
        assert all(entry.actor == ADA and entry.cause == "r-1" for entry in changes)
        assert changes[0].time < changes[1].time
