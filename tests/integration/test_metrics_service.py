"""The metrics service on a real nats-server: whatever is restarted, what the stream holds of a job is answered."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from services.metrics.past import Past
from shared.bus.bus import Bus, connect
from shared.bus.lookup import StreamAway
from shared.bus.streams import bootstrap
from shared.clock import SystemClock
from shared.contracts import subjects
from shared.contracts.commands.metrics import QUERY_METRICS, SUMMARIES
from shared.contracts.errors import Invalid
from shared.contracts.metrics import SAMPLES_KEPT, AskSummaries, QueryMetrics
from shared.ids import new_id
from shared.settings import PlatformSettings
from tests.support.clock import ManualClock
from tests.support.metrics_service import JOB, START, MetricsService, asked, drawn, page, publish, sample_at
from tests.support.nats import NatsServer
from tests.support.waiting import until


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(server.url, "test") as connected:
        await bootstrap(connected.js, PlatformSettings())
        yield connected


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def test_what_a_run_says_is_drawn_as_it_comes(bus: Bus, server: NatsServer, data: Path) -> None:
    with MetricsService(server.url, data):
        found = await page(bus, asked())
        assert (found.series, found.source, found.more) == ((), "ring", False)
        for second in range(0, 50, 5):
            await publish(bus, sample_at(second, cpu_seconds=second * 0.5, memory_bytes=second * 1000))
            await until(partial(knows, bus, JOB, second * 1000), "the sample is drawn")
        cpu, memory = await drawn(bus, asked())
        assert (cpu.name, cpu.unit, cpu.labels) == ("cpu", "cores", {"rank": "0"})
        assert set(cpu.values) == {0.5}
        assert memory.values == tuple(second * 1000.0 for second in range(0, 50, 5))


async def test_the_sums_of_a_job_that_runs_have_what_it_says_now(bus: Bus, server: NatsServer, data: Path) -> None:
    """Also after a restart, from the samples of the last minute."""
    now = datetime.now(UTC)
    await publish(bus, sample_at(1, start=now, cpu_seconds=1.0, reported={"loss": 2.0, "accuracy": 0.5}))
    with MetricsService(server.url, data):
        await page(bus, asked())
        await publish(bus, sample_at(2, start=now, cpu_seconds=3.0, reported={"loss": 1.0}, dropped=4))

        async def known() -> bool:
            found = (await bus.ask(SUMMARIES, AskSummaries(job_ids=(JOB, new_id())))).items
            assert all(usage.live for usage in found)
            now = [(usage.cpu_seconds, usage.dropped, usage.reported) for usage in found]
            return now == [(3.0, 4, {"loss": 1.0, "accuracy": 0.5})]

        await until(known, "its last sample is known")


async def test_a_job_of_yesterday_is_answered_from_the_stream(bus: Bus, server: NatsServer, data: Path) -> None:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    for second in range(0, 60, 5):
        await publish(bus, sample_at(second, start=yesterday, cpu_seconds=second, memory_bytes=second))
    with MetricsService(server.url, data):
        cpu, memory = await drawn(bus, asked(yesterday))
        assert set(cpu.values) == {1.0}
        assert memory.values == tuple(float(second) for second in range(0, 60, 5))
        assert await drawn(bus, asked(yesterday + timedelta(hours=2))) == []


async def test_kill_9_at_any_moment_costs_no_sample(bus: Bus, server: NatsServer, data: Path) -> None:
    jobs = [new_id() for _ in range(5)]
    with MetricsService(server.url, data) as service:
        for round in range(30):
            await publish(bus, *(sample_at(round * 5, job_id=job_id, memory_bytes=round) for job_id in jobs))
            if round % 10 == 4:
                service.kill()
                service.start()
            if round % 4 == 0:
                await until(partial(knows, bus, jobs[round % 5], round), "the newest sample is drawn")
        for job_id in jobs:
            await until(partial(knows, bus, job_id, 29), "the newest sample is drawn")
            (memory,) = await drawn(bus, asked(job_id=job_id))
            assert memory.values == tuple(float(round) for round in range(30))


async def knows(bus: Bus, job_id: str, memory: float) -> bool:
    """Whether the newest sample that is drawn says so."""
    series = await drawn(bus, asked(job_id=job_id))
    return bool(series) and series[-1].values[-1] == memory


async def test_two_replicas_give_the_same_answers(bus: Bus, server: NatsServer, data: Path) -> None:
    """Also when one heard everything and the other was started afterwards; and while both are asked by turns."""
    with MetricsService(server.url, data) as first:
        await page(bus, asked())
        for at in range(0, 600, 5):
            attempt = 1 + at // 300
            for rank in (0, 1):
                used = at / (2 * rank + 2)
                await publish(bus, sample_at(at, attempt=attempt, rank=rank, cpu_seconds=used, memory_bytes=at))
        await until(partial(knows, bus, JOB, 595), "all is drawn")
        expected = await drawn(bus, asked())
        assert [(series.name, series.labels["rank"]) for series in expected] == [
            ("cpu", "0"),
            ("cpu", "1"),
            ("memory", "0"),
            ("memory", "1"),
        ]
        assert [len(series.times) for series in expected] == [118, 118, 120, 120]
        with MetricsService(server.url, data.with_name("second")) as second_replica:
            await until(lambda: len(second_replica.said("ready")) == 1, "the other replica is there")
            for _ in range(20):
                assert await drawn(bus, asked()) == expected
            assert first.stop() == 0
            assert await drawn(bus, asked()) == expected


async def test_a_restart_of_nats_loses_nothing(bus: Bus, server: NatsServer, data: Path) -> None:
    with MetricsService(server.url, data) as service:
        await page(bus, asked())
        for second in range(0, 100, 5):
            if second in (25, 75):
                await asyncio.to_thread(server.restart)
            await publish(bus, sample_at(second, memory_bytes=second))
            if second == 50:
                await until(partial(knows, bus, JOB, 50), "it is in memory")
        await until(partial(knows, bus, JOB, 95), "the newest sample is drawn")
        (memory,) = await drawn(bus, asked())
        assert memory.values == tuple(float(second) for second in range(0, 100, 5))
        assert len(service.said("ready")) == 1


async def test_a_lost_stream_costs_what_was_in_it_and_nothing_more(bus: Bus, server: NatsServer, data: Path) -> None:
    service = MetricsService(server.url, data)
    with service:
        for second in range(0, 50, 5):
            await publish(bus, sample_at(second, memory_bytes=second))
        await until(partial(knows, bus, JOB, 45), "it is in memory")
        await asyncio.to_thread(server.wipe)
        await asyncio.to_thread(server.start)
        await until(lambda: bus.connected, "the test is connected again")
        await bootstrap(bus.js, PlatformSettings())
        assert await publish(bus, sample_at(50, memory_bytes=50)) == 1
        assert await asyncio.to_thread(service.wait) != 0
        service.start()
        await until(partial(knows, bus, JOB, 50), "the new stream is read")
        (memory,) = await drawn(bus, asked())
        assert memory.values == (50.0,)


async def test_a_message_that_is_no_sample_delays_nobody(bus: Bus, server: NatsServer, data: Path) -> None:
    async def bad(subject: str, payload: bytes) -> None:
        await bus.publish_raw(subject, payload, new_id())

    with MetricsService(server.url, data) as service:
        await page(bus, asked())
        await bad(f"metric.{JOB}.0", b'{"job_id": "another"}')
        await publish(bus, sample_at(5, memory_bytes=5))
        await bad(f"metric.{JOB}.0", sample_at(10, memory_bytes=10, rank=1).model_dump_json().encode())
        await bad(f"metric.{JOB}.0", b"\xff" * 60_000)
        await bad("metric.nobody.x.y", b"")
        await until(lambda: len(service.said("sample_unreadable")) == 4, "all bad messages are named")
        (memory,) = await drawn(bus, asked())
        assert memory.values == (5.0,)
        await publish(bus, sample_at(15, memory_bytes=15))
        await until(partial(knows, bus, JOB, 15), "the next sample is drawn")
        assert len(service.said("ready")) == 1
        info = await bus.js.stream_info(subjects.DEADLETTERS)
        assert info.state.messages == 0


async def test_a_job_of_which_only_bad_messages_are_left_has_no_metrics(
    bus: Bus, server: NatsServer, data: Path
) -> None:
    await bus.publish_raw(subjects.sample(JOB, 0), b"nonsense", new_id())
    with MetricsService(server.url, data):
        assert await drawn(bus, asked()) == []


async def test_a_question_that_is_none_is_refused_and_the_next_is_answered(
    bus: Bus, server: NatsServer, data: Path
) -> None:
    with MetricsService(server.url, data):
        await page(bus, asked())
        for question in (
            asked(seconds=-1),
            asked(step_s=1e-9),
            asked(seconds=10**8),
            QueryMetrics.model_construct(job_id="*", start=START, end=START, step_s=0.0, skip=-1),
        ):
            with pytest.raises(Invalid):
                await bus.ask(QUERY_METRICS, question)
        assert (await page(bus, asked())).series == ()


async def test_more_jobs_than_memory(bus: Bus, server: NatsServer, data: Path) -> None:
    jobs = [new_id() for _ in range(40)]
    names = {f"name{number}": 1.0 for number in range(100)}
    with MetricsService(server.url, data, metrics_memory_mib=1):
        for round in range(30):
            await publish(bus, *(sample_at(round * 5, job_id=one, memory_bytes=round, reported=names) for one in jobs))
        for _ in range(2):
            for job_id in jobs:
                memory, *reported = await drawn(bus, asked(job_id=job_id))
                assert memory.values == tuple(float(round) for round in range(30))
                assert len(reported) == 100
        info = await bus.js.stream_info(subjects.METRICS)
        assert info.state.consumer_count == 1, "whoever has read a job back leaves nothing behind"


async def test_while_nats_does_not_answer_nobody_is_told_half_of_it(bus: Bus, server: NatsServer, data: Path) -> None:
    for second in range(0, 50, 5):
        await publish(bus, sample_at(second, memory_bytes=second))
    past = Past(bus, SystemClock())
    server.pause()
    try:
        with pytest.raises(StreamAway):
            await past.of(JOB)
    finally:
        server.resume()
    await until(partial(reads, past, 10), "all of it is read again")
    info = await bus.js.stream_info(subjects.METRICS)
    assert info.state.consumer_count == 0


async def reads(past: Past, count: int) -> bool:
    """Whether so many samples are read back."""
    try:
        return (await past.of(JOB)).position == count
    except StreamAway:
        return False


async def test_a_hundred_names_over_an_hour_come_in_pages_that_fit(bus: Bus, server: NatsServer, data: Path) -> None:
    names = {f"metric/name.{number:03d}-of-a-hundred": number + 1 / 3 for number in range(100)}
    with MetricsService(server.url, data):
        for begin in range(0, SAMPLES_KEPT, 60):
            await publish(bus, *(sample_at((begin + n) * 5, memory_bytes=1, reported=names) for n in range(60)))
        await until(partial(knows_of, bus, SAMPLES_KEPT - 1), "the newest sample is drawn")
        first = await page(bus, asked(seconds=4000))
        assert first.more
        assert len(first.model_dump_json()) < 512 * 1024
        found = await drawn(bus, asked(seconds=4000))
        assert [series.name for series in found] == ["memory", *sorted(names)]
        assert {len(series.times) for series in found} == {SAMPLES_KEPT}


async def knows_of(bus: Bus, last: int) -> bool:
    """Whether the sample of this number is drawn."""
    series = (await page(bus, asked(seconds=4000))).series
    return bool(series) and series[0].times[-1] == START.timestamp() + last * 5


async def test_a_replica_begins_a_minute_back_and_not_with_all_that_the_stream_holds(bus: Bus) -> None:
    past = Past(bus, SystemClock())
    assert await past.recent() == 1
    await publish(bus, sample_at(5))
    assert await past.recent() == 1
    later = ManualClock(datetime.now(UTC) + timedelta(minutes=5))
    assert await Past(bus, later).recent() == 2
    await publish(bus, sample_at(10))
    assert await Past(bus, later).recent() == 3
