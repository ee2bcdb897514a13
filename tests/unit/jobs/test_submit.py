"""Submissions with keys: each is found again under its owner's key, with one question for each owner."""

import sqlite3
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.jobs.apply import Applier
from services.jobs.starts import Starts
from services.jobs.store import JOBS, JobStore
from services.jobs.submit import submit_all, validate
from shared.contracts.commands.submission import NewJob, SubmitJobs
from shared.contracts.job import JobRequest
from shared.ids import new_id
from shared.meter import Meter
from shared.settings import PlatformSettings
from shared.store.open import open_store
from shared.store.port import Collection, Condition, Page, Schema, Store
from shared.store.query import Fields
from shared.store.sqlite.table import Table
from tests.support.clock import ManualClock
from tests.support.documents import NOW
from tests.support.jobs import Taken

Question = tuple[Sequence[Condition], Sequence[str], int]


class Counted:
    """A collection that notes what it is asked for."""

    def __init__(self, inner: Collection[Any], questions: list[Question]) -> None:
        self._inner = inner
        self._questions = questions

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def find(
        self, where: Sequence[Condition] = (), sort: Sequence[str] = (), after: None = None, limit: int = 100
    ) -> Page[Any]:
        self._questions.append((where, sort, limit))
        return await self._inner.find(where, sort, after, limit)


class CountingStore:
    """A store that notes what its collections are asked for."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.questions: list[Question] = []

    def collection(self, schema: Schema[Any]) -> Any:
        return Counted(self._inner.collection(schema), self.questions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@asynccontextmanager
async def service(folder: Path) -> AsyncGenerator[tuple[Applier, CountingStore, ManualClock], None]:
    store = CountingStore(open_store(PlatformSettings(data=folder), "jobs", local=True))
    clock = ManualClock(NOW)
    applier = Applier(JobStore(store), Taken(), clock, Starts(Meter()))
    await store.open()
    try:
        yield applier, store, clock
        await applier.outbox.drain()
    finally:
        await store.close()


def new(owner: str, key: str | None) -> NewJob:
    request = JobRequest(name="train", command="true")
    return NewJob(id=new_id(), owner=owner, request=request, idempotency_key=key, fingerprint="f")


@pytest.mark.parametrize(("length", "whole"), [(1, 200), (65_000, 1)], ids=["small", "of the largest size"])
async def test_the_reply_to_500_submissions_fits_in_a_message_and_names_every_job(
    tmp_path: Path, length: int, whole: int
) -> None:
    async with service(tmp_path) as (applier, _, _):
        request = JobRequest(name="train", command=("x" * length,) * 2)
        jobs = tuple(NewJob(id=new_id(), owner="ada", request=request) for _ in range(500))
        for _ in range(2):  # a repeated command finds them all again
            reply = await submit_all(applier, SubmitJobs(jobs=jobs, with_jobs=True))
            assert len(reply.model_dump_json()) < 512 * 1024
            assert [outcome.id for outcome in reply.outcomes] == [job.id for job in jobs]
            shown = [outcome.job.id for outcome in reply.outcomes if outcome.job is not None]
            assert shown == [job.id for job in jobs[: len(shown)]]
            assert len(shown) >= whole


async def submitted(applier: Applier, *jobs: NewJob) -> list[tuple[str | None, bool]]:
    outcomes = (await submit_all(applier, SubmitJobs(jobs=jobs))).outcomes
    return [(outcome.id, outcome.replayed) for outcome in outcomes]


async def test_the_keys_of_a_whole_command_are_looked_up_with_one_question_for_each_owner(tmp_path: Path) -> None:
    async with service(tmp_path) as (applier, store, _):
        jobs = [new(owner, f"k{number}") for number in range(50) for owner in ("ada", "bob")]
        assert await submitted(applier, *jobs, new("eve", None)) != []
        assert len(store.questions) == 2
        for question in store.questions:
            assert "jobs.idempotency_key (doc.owner=? AND doc.idempotency.key=?" in plan_of(question, tmp_path)


def plan_of(question: Question, folder: Path) -> str:
    """How SQLite answers it."""
    where, sort, limit = question
    sql, values = Table(JOBS).find(Fields(JOBS).query(where, sort, None, limit), limit)
    (file,) = folder.rglob("jobs.sqlite")
    with closing(sqlite3.connect(file)) as connection:
        return "; ".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values))


async def test_each_key_finds_its_own_job_again_and_only_its_owner_s(tmp_path: Path) -> None:
    async with service(tmp_path) as (applier, _, _):
        first = [new(owner, key) for owner in ("ada", "bob") for key in ("a", "b", "c")]
        ids = [id for id, _ in await submitted(applier, *first)]
        again = [new(owner, key) for owner in ("ada", "bob") for key in ("a", "b", "c")]
        fresh = [new("ada", "d"), new("eve", "a"), new("ada", None)]
        outcomes = await submitted(applier, fresh[0], *again, *fresh[1:])
        assert outcomes[1:7] == [(id, True) for id in ids]
        assert [outcomes[0], *outcomes[7:]] == [(job.id, False) for job in fresh]


async def test_a_key_that_was_used_on_both_sides_of_midnight_stands_for_the_later_job(tmp_path: Path) -> None:
    async with service(tmp_path) as (applier, _, clock):
        await submitted(applier, new("ada", "k"))
        clock.advance(timedelta(days=1, seconds=1).total_seconds())
        ((later, replayed),) = await submitted(applier, new("ada", "k"))
        assert not replayed
        clock.advance(3600)
        assert await submitted(applier, new("ada", "k")) == [(later, True)]


async def test_a_validation_answers_as_a_submission_would_and_stores_nothing(tmp_path: Path) -> None:
    async with service(tmp_path) as (applier, _, _):
        bounded = new("ada", None).model_copy(update={"most_open": 1})
        planned = await validate(applier, bounded)
        assert planned.job is not None and planned.refusal is None
        assert await applier.store.jobs.get(bounded.id) is None
        stored = (await submit_all(applier, SubmitJobs(jobs=(bounded,), with_jobs=True))).outcomes[0]
        assert stored.job == planned.job
        another = bounded.model_copy(update={"id": new_id()})
        refused = (await submit_all(applier, SubmitJobs(jobs=(another,)))).outcomes[0].refusal
        assert refused is not None
        assert (await validate(applier, another)).refusal == refused
