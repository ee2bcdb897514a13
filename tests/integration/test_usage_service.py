"""What was used, from a run's end over the job's event to sums and days, on real NATS and real databases."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from nats.js.errors import NotFoundError

from services.jobs.app import build as jobs
from services.metrics.app import build as metrics
from shared.bus.bus import connect
from shared.contracts import subjects
from shared.contracts.commands.changes import PAUSE, RESUME, ChangeJob
from shared.contracts.metrics import RunUsage
from shared.ids import new_id
from shared.runtime import serving
from shared.settings import PlatformSettings
from tests.support.documents import ADA
from tests.support.mongo import MongoServer
from tests.support.nats import NatsServer
from tests.support.usage_yard import UsageYard
from tests.support.waiting import until

BEGIN = datetime(2026, 11, 28, 22, tzinfo=UTC)
GPUS: dict[str, Any] = {"device_type": "v100", "devices": 2}
USED = RunUsage(
    seconds=14_400.0,
    cpu_seconds=3600.0,
    memory_peak_bytes=300_000_000,
    device_seconds=28_800.0,
    device_measured_seconds=28_800.0,
    device_idle_seconds=7200.0,
    reported={"loss": 0.5},
)


@pytest.fixture
async def settings(tmp_path: Path) -> AsyncIterator[PlatformSettings]:
    async with NatsServer() as nats:
        yield PlatformSettings(data=tmp_path, nats_url=nats.url)


async def test_each_attempt_enters_its_job_and_its_days_and_a_replay_of_everything_changes_nothing(
    settings: PlatformSettings,
) -> None:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(serving([jobs], settings))
        yard = UsageYard(await stack.enter_async_context(connect(settings.nats_url, "test")))
        async with serving([metrics], settings):
            job = await yard.submit(**GPUS)
            await yard.place(job)
            await yard.start(job, BEGIN)
            await yard.reached(job, "running")
            await yard.bus.ask(PAUSE, ChangeJob(id=job, actor=ADA))
            await yard.stop(job, BEGIN, 14_400, usage=USED)
            await yard.reached(job, "paused")
            first = await yard.counted(job, 1)
            assert (first.device_hours, first.device_idle_share, first.reported) == (8.0, 0.25, {"loss": 0.5})
            await yard.bus.ask(RESUME, ChangeJob(id=job, actor=ADA))
            await yard.place(job)
            again = BEGIN + timedelta(hours=10)
            await yard.start(job, again)
            await yard.reached(job, "running")
            await yard.exit(job, again, 3600, code=1, checkpoint_at=again + timedelta(minutes=30))
            await yard.reached(job, "failed")
            both = await yard.counted(job, 2)
            assert (both.seconds, both.device_hours, both.memory_peak_bytes) == (18_000.0, 10.0, 300_000_000)
            rows = await yard.rows(BEGIN, days=2)
            assert [(row.device_hours, row.idle_hours, row.unknown_hours) for row in rows] == [(4, 1, 0), (6, 1, 2)]
            assert [row.lost_to_failure_hours for row in rows] == [0, 1]
            assert [row.runs for row in rows] == [0, 2]
        await yard.bus.js.delete_consumer(subjects.EVENTS, "metrics")
        async with serving([metrics], settings):
            await until(lambda: _caught_up(yard), "every event was heard again")
            assert (await yard.usage(job))[job] == both
            assert await yard.rows(BEGIN, days=2) == rows


async def _caught_up(yard: UsageYard) -> bool:
    try:
        consumer = await yard.bus.js.consumer_info(subjects.EVENTS, "metrics")
    except NotFoundError:
        return False
    return not (consumer.num_pending or consumer.num_ack_pending)


@pytest.mark.parametrize(
    "payload",
    [b"{", b'{"data": {}}', b"\xff\xfe", b"[" * 10_000],
    ids=["cut off", "another's", "no text", "deep"],
)
async def test_an_event_that_nobody_can_read_is_a_dead_letter_and_what_comes_after_it_counts(
    settings: PlatformSettings, payload: bytes
) -> None:
    async with serving([jobs, metrics], settings), connect(settings.nats_url, "test") as bus:
        yard = UsageYard(bus)
        subject = subjects.job_event("finished", "default", new_id())
        await bus.publish_raw(subject, payload, new_id())
        job = await yard.submit()
        await yard.place(job)
        await yard.exit(job, BEGIN, 60)
        await yard.counted(job, 1)
        dead = await bus.js.get_last_msg(subjects.DEADLETTERS, f"dead.metrics.{subject}")
        assert dead.data == payload


async def test_a_run_of_more_time_than_there_is_is_a_dead_letter_and_what_comes_after_it_counts(
    settings: PlatformSettings,
) -> None:
    async with serving([jobs, metrics], settings), connect(settings.nats_url, "test") as bus:
        yard = UsageYard(bus)
        endless, job = await yard.submit(), await yard.submit()
        await yard.place(endless, job)
        await yard.exit(endless, BEGIN, 60, usage=RunUsage(seconds=1e300))
        await yard.reached(endless, "finished")
        await yard.exit(job, BEGIN, 60)
        await yard.counted(job, 1)
        assert endless not in await yard.usage(endless)
        subject = subjects.job_event("finished", "default", endless)
        await until(lambda: _is_dead(yard, f"dead.metrics.{subject}"), "it is among the dead letters")


async def _is_dead(yard: UsageYard, subject: str) -> bool:
    try:
        return bool((await yard.bus.js.get_last_msg(subjects.DEADLETTERS, subject)).data)
    except NotFoundError:
        return False


async def test_replicas_divide_the_attempts_and_lose_and_double_none(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        nats = await stack.enter_async_context(NatsServer())
        mongo = await stack.enter_async_context(MongoServer())
        settings = PlatformSettings.model_validate({"data": tmp_path, "nats_url": nats.url, "mongo_url": mongo.url})
        for services in ([jobs], [metrics], [metrics]):
            await stack.enter_async_context(serving(services, settings))
        yard = UsageYard(await stack.enter_async_context(connect(nats.url, "test")))
        ids = [await yard.submit(owner=owner) for owner in ("ada", "bob") for _ in range(8)]
        await yard.place(*ids)
        await asyncio.gather(*(yard.exit(id, BEGIN, 3600) for id in ids))
        for id in ids:
            await yard.counted(id, 1)
        rows = await yard.rows(BEGIN)
        assert [(row.owner, row.runs, row.device_hours) for row in rows] == [("ada", 8, 8.0), ("bob", 8, 8.0)]
