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
from shared.contracts.metrics import MOST, RunUsage
from shared.ids import new_id
from shared.runtime import serving
from shared.settings import PlatformSettings
from tests.support.documents import ADA
from tests.support.metrics_service import publish, sample_at
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


async def test_a_run_under_way_is_in_its_job_s_sums_until_it_is_counted_itself(settings: PlatformSettings) -> None:
    async with serving([jobs, metrics], settings), connect(settings.nats_url, "test") as bus:
        yard = UsageYard(bus)
        job = await yard.submit()
        await yard.place(job)
        await yard.start(job, BEGIN)
        for second, reported in enumerate(({"loss": 2.0, "step": 1.0}, {"loss": 1.5})):
            await publish(bus, sample_at(second, job, start=BEGIN, cpu_seconds=1.0 + second, reported=reported))

        async def is_live() -> bool:
            usage = (await yard.usage(job)).get(job)
            return usage is not None and usage.cpu_seconds == 2.0

        await until(is_live, "its samples are in the sums")
        usage = (await yard.usage(job))[job]
        assert (usage.live, usage.runs, usage.reported) == (True, 0, {"loss": 1.5, "step": 1.0})
        await yard.exit(job, BEGIN, 4.0, usage=RunUsage(seconds=4.0, cpu_seconds=3.5))
        ended = await yard.counted(job, 1)
        assert (ended.live, ended.cpu_seconds) == (False, 3.5)


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


async def test_a_run_that_claims_more_than_there_is_counts_for_the_time_and_the_devices_that_its_job_held(
    settings: PlatformSettings,
) -> None:
    absurd = [
        RunUsage(seconds=1e12, cpu_seconds=1e12, device_seconds=1e12),
        RunUsage(seconds=1e-5, cpu_seconds=1e12, memory_peak_bytes=MOST, block_read_bytes=MOST, dropped=MOST),
    ]
    async with serving([jobs, metrics], settings), connect(settings.nats_url, "test") as bus:
        yard = UsageYard(bus)
        for usage in absurd:
            job = await yard.submit()
            await yard.place(job)
            await yard.exit(job, BEGIN, 60, usage=usage)
            counted = await yard.counted(job, 1)
            assert (counted.seconds, counted.cpu_seconds, counted.dropped) == (60, None, usage.dropped)


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
