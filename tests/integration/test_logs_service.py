"""The log service on a real nats-server: whatever is killed, the last 2000 lines are there, and a loss is counted."""

import asyncio
import json
import resource
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus.bus import Bus, connect
from shared.bus.streams import bootstrap
from shared.contracts import subjects
from shared.contracts.logs import LINES_KEPT, LogChunk, LogGap
from shared.ids import new_id
from shared.settings import PlatformSettings
from tests.support.log_service import LogService, page, publish, tail
from tests.support.logs import JOB, chunk_of, lines_of, texts_of, unfinished_at
from tests.support.nats import NatsServer
from tests.support.waiting import until, wait_until

MESSAGE_BYTES = 512 * 1024


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


def a_console(job_id: str = JOB) -> list[LogChunk]:
    """2,900 lines of two attempts and two ranks, the ranks by turns, in chunks of every size."""
    chunks = []
    for attempt, begin in ((1, 1), (2, 701)):
        seq = begin
        for count in (1, 1, 7, 250, 3, 400, 38) if attempt == 1 else (500, 2, 1, 47):
            chunks += [chunk_of(seq, count, job_id=job_id, attempt=attempt, rank=rank, streams=3) for rank in (0, 1)]
            seq += count
    chunks += [chunk_of(seq + number, 1, job_id=job_id, attempt=2) for number in range(400)]
    return chunks


def saved_position(data: Path) -> int:
    path = data / "logs" / "position.json"
    return int(json.loads(path.read_bytes())["position"]) if path.exists() else 0


async def test_a_tail_has_every_line_that_was_stored_before_it(bus: Bus, server: NatsServer, data: Path) -> None:
    with LogService(server.url, data):
        assert (await page(bus, JOB)).chunks == ()
        seq = 1
        for count in [1, 80, 700, 1, 2] * 12:
            sequence = await publish(bus, chunk_of(seq, count))
            seq += count
            found = await page(bus, JOB, tail=3)
            assert found.lines[-1].seq == seq - 1
            assert found.position >= sequence
        lines, gaps = await tail(bus, JOB)
        assert [line.seq for line in lines] == list(range(seq - LINES_KEPT, seq))
        assert gaps == []


async def test_two_replicas_give_the_same_answers(bus: Bus, server: NatsServer, data: Path) -> None:
    chunks = a_console()
    with LogService(server.url, data) as first, LogService(server.url, data.with_name("second")) as second:
        await page(bus, JOB)
        for chunk in chunks:
            await publish(bus, chunk)
        for other in (second, first):
            other.stop()
            lines, _ = await tail(bus, JOB)
            assert lines == lines_of(*chunks)[-LINES_KEPT:]
            other.start()
            wait_until(lambda log=other: len(log.said("ready")) == 2, "the other replica is back")  # type: ignore[misc]


async def test_replicas_that_divide_the_partitions_answer_for_one_another(
    bus: Bus, server: NatsServer, data: Path
) -> None:
    jobs = [new_id() for _ in range(40)]
    second = data.with_name("second")
    with (
        LogService(server.url, data, logs_partitions="0/2") as even,
        LogService(server.url, second, logs_partitions="1/2", logs_save_every_s=0.02) as odd,
    ):
        for number, job_id in enumerate(jobs):
            await page(bus, job_id)
            await publish(bus, chunk_of(1, number + 1, job_id=job_id))
        for number, job_id in enumerate(jobs):
            for _ in range(2):
                assert await tail(bus, job_id) == (lines_of(chunk_of(1, number + 1, job_id=job_id)), [])
        await until(lambda: saved_position(second) > len(jobs) // 2, "the second has saved")
        even.stop()
        odd.kill()
        kept = {path.stem for path in second.glob("logs/*/*.ring")}
        assert kept == {job_id for job_id in jobs if subjects.log_partition(job_id) % 2}, "the first keeps the others"
    with LogService(server.url, second, logs_partitions="0/1") as alone:
        for number, job_id in enumerate(jobs):
            assert await tail(bus, job_id) == (lines_of(chunk_of(1, number + 1, job_id=job_id)), [])
        assert len(alone.said("log_partitions_changed")) == 1


async def test_what_stands_in_a_line_is_known_after_kill_9_until_the_line_ends(
    bus: Bus, server: NatsServer, data: Path
) -> None:
    service = LogService(server.url, data, logs_save_every_s=0.02)
    with service:
        await page(bus, JOB)
        await publish(bus, chunk_of(1, 3))
        await publish(bus, unfinished_at(4, "10%"))
        last = await publish(bus, unfinished_at(4, "20%"))
        found = await page(bus, JOB)
        assert ([line.seq for line in found.lines], texts_of(found.unfinished)) == ([1, 2, 3], ["20%"])
        await until(lambda: saved_position(data) == last, "it is saved")
        service.kill()
        service.start()
        assert texts_of((await page(bus, JOB)).unfinished) == ["20%"]
        await publish(bus, chunk_of(4, 1))
        found = await page(bus, JOB)
        assert ([line.seq for line in found.lines], found.unfinished) == ([1, 2, 3, 4], ())


async def test_a_second_process_on_the_same_folder_says_so_and_ends(bus: Bus, server: NatsServer, data: Path) -> None:
    with LogService(server.url, data):
        await page(bus, JOB)
        second = LogService(server.url, data)
        second.start()
        assert second.wait() == 1
        assert len(second.said("store_in_use")) == 1


async def test_kill_9_at_any_moment_loses_and_doubles_nothing(bus: Bus, server: NatsServer, data: Path) -> None:
    jobs = [new_id() for _ in range(8)]
    consoles = {job_id: a_console(job_id) for job_id in jobs}
    rounds = list(zip(*consoles.values(), strict=True))
    published: list[LogChunk] = []
    service = LogService(server.url, data, logs_save_every_s=0.02, logs_memory_mib=1)
    with service:
        await page(bus, JOB)
        for number, chunks in enumerate(rounds):
            await asyncio.gather(*(publish(bus, chunk) for chunk in chunks))
            published += chunks
            if number % 70 == 35:
                service.kill()
                service.start()
                job_id = jobs[number % len(jobs)]
                lines, gaps = await tail(bus, job_id)
                assert lines == lines_of(*(chunk for chunk in published if chunk.job_id == job_id))[-LINES_KEPT:]
                assert gaps == []
        service.kill()
        service.start()
        for job_id in jobs:
            assert await tail(bus, job_id) == (lines_of(*consoles[job_id])[-LINES_KEPT:], [])


async def test_a_restart_of_nats_under_load_loses_nothing(bus: Bus, server: NatsServer, data: Path) -> None:
    chunks = a_console()
    with LogService(server.url, data) as service:
        await page(bus, JOB)
        for number, chunk in enumerate(chunks):
            if number in (5, 150, 300):
                await asyncio.to_thread(server.restart)
            await publish(bus, chunk)
        assert await tail(bus, JOB) == (lines_of(*chunks)[-LINES_KEPT:], [])
        assert len(service.said("ready")) == 1


async def test_the_console_of_a_job_outlives_the_stream(bus: Bus, server: NatsServer, data: Path) -> None:
    chunks = a_console()
    service = LogService(server.url, data)
    with service:
        await page(bus, JOB)
        for chunk in chunks:
            last = await publish(bus, chunk)
    assert saved_position(data) == last
    await asyncio.to_thread(server.wipe)
    await asyncio.to_thread(server.start)
    await until(lambda: bus.connected, "the test is connected again")
    await bootstrap(bus.js, PlatformSettings())
    with service:
        assert await tail(bus, JOB) == (lines_of(*chunks)[-LINES_KEPT:], [])
        seq = chunks[-1].seq + 1
        assert await publish(bus, chunk_of(seq, 5, attempt=2)) == 1
        lines, gaps = await tail(bus, JOB, 6)
        assert [line.seq for line in lines] == list(range(seq - 1, seq + 5))
        assert gaps == []


async def test_a_stream_deleted_under_a_running_service_does_not_make_it_deaf(
    bus: Bus, server: NatsServer, data: Path
) -> None:
    service = LogService(server.url, data)
    with service:
        await page(bus, JOB)
        for number in range(50):
            await publish(bus, chunk_of(1 + number * 10, 10))
        await page(bus, JOB)
        await asyncio.to_thread(server.wipe)
        await asyncio.to_thread(server.start)
        await until(lambda: bus.connected, "the test is connected again")
        await bootstrap(bus.js, PlatformSettings())
        assert await publish(bus, chunk_of(501, 10)) == 1
        assert await asyncio.to_thread(service.wait) != 0
        service.start()
        lines, gaps = await tail(bus, JOB)
        assert [line.seq for line in lines] == list(range(1, 511))
        assert gaps == []


async def test_what_the_stream_dropped_meanwhile_is_a_counted_gap(bus: Bus, server: NatsServer, data: Path) -> None:
    small = PlatformSettings(logs_max_bytes=100_000)
    await bootstrap(bus.js, small)
    service = LogService(server.url, data, logs_max_bytes=small.logs_max_bytes)
    with service:
        await page(bus, JOB)
        await publish(bus, chunk_of(1, 10))
        await page(bus, JOB)
    seq = 11
    while (await bus.js.stream_info(subjects.LOGS)).state.first_seq < 5:
        await publish(bus, chunk_of(seq, 100))
        seq += 100
    first = (await bus.js.stream_info(subjects.LOGS)).state.first_seq
    with service:
        lines, gaps = await tail(bus, JOB)
        assert gaps == [LogGap(after_seq=10, lost=(first - 2) * 100)]
        assert len(lines) + gaps[0].lost == seq - 1


async def test_a_message_that_is_no_chunk_delays_nobody(bus: Bus, server: NatsServer, data: Path) -> None:
    with LogService(server.url, data) as service:
        await publish(bus, chunk_of(1, 3))
        await bus.publish_raw(subjects.log(JOB), b'{"job_id": "another"}', "bad")
        assert [line.seq for line in (await page(bus, JOB)).lines] == [1, 2, 3]
        assert len(service.said("chunk_unreadable")) == 1
        assert len(service.said("ready")) == 1


async def test_large_lines_come_in_pages_that_fit(bus: Bus, server: NatsServer, data: Path) -> None:
    text = '"\\\t' * 5_000
    sent = []
    with LogService(server.url, data):
        for seq in range(1, 61):
            chunk = chunk_of(seq, 1)
            sent.append(chunk.model_copy(update={"text": f"{seq} {text}"}))
            await publish(bus, sent[-1])
        first = await page(bus, JOB)
        assert first.more
        assert len(first.model_dump_json()) < MESSAGE_BYTES
        assert await tail(bus, JOB) == (lines_of(*sent), [])


async def test_more_consoles_than_memory(bus: Bus, server: NatsServer, data: Path) -> None:
    jobs = [new_id() for _ in range(30)]
    with LogService(server.url, data, logs_memory_mib=1):
        await page(bus, JOB)
        for begin in (1, 1001, 2001):
            for job_id in jobs:
                await publish(bus, chunk_of(begin, 1000, job_id=job_id))
        for job_id in jobs:
            kept = [chunk_of(begin, 1000, job_id=job_id) for begin in (1001, 2001)]
            assert await tail(bus, job_id) == (lines_of(*kept), [])


async def test_a_full_disk_costs_no_line(bus: Bus, server: NatsServer, data: Path) -> None:
    with LogService(server.url, data, logs_save_every_s=0.05) as service:
        await page(bus, JOB)
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (16_384, resource.RLIM_INFINITY))
        await publish(bus, chunk_of(1, 1500))
        await until(lambda: len(service.said("consoles_not_saved")) == 1, "the disk has refused")
        await publish(bus, chunk_of(1501, 1500))
        lines, _ = await tail(bus, JOB)
        assert [line.seq for line in lines] == list(range(1001, 3001))
        resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        await until(lambda: len(service.said("consoles_saved_again")) == 1, "the disk has room again")
        await until(lambda: saved_position(data) == 2, "all is saved")
        service.kill()
        service.start()
        lines, _ = await tail(bus, JOB)
        assert [line.seq for line in lines] == list(range(1001, 3001))
