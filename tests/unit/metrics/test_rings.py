"""Rings in memory: read back once, kept up from then on, and dropped where they take too much."""

import asyncio

import pytest

from services.metrics.domain.grid import Grid
from services.metrics.domain.line import drawn
from services.metrics.domain.ring import Ring
from services.metrics.latest import Latest
from services.metrics.rings import Rings
from shared.bus.lookup import StreamAway
from shared.contracts.metrics import Sample
from tests.support.clock import ManualClock
from tests.support.metrics_service import JOB, START, sample_at
from tests.support.waiting import until

JOBS = [f"01JD00000000000000000000{number:02d}" for number in range(10)]
GRID = Grid(START.timestamp(), START.timestamp() + 10_000, 5.0)
FULL = 100
"""Samples of a job in these tests."""


class Stream:
    """What the METRICS stream holds; reading it back may be made to wait, and to fail."""

    def __init__(self) -> None:
        self.messages: list[Sample] = []
        self.read: list[str] = []
        self.go = asyncio.Event()
        self.go.set()
        self.away = False

    def publish(self, sample: Sample) -> int:
        self.messages.append(sample)
        return len(self.messages)

    async def of(self, job_id: str) -> Ring:
        self.read.append(job_id)
        end = len(self.messages)
        await self.go.wait()
        if self.away:
            raise StreamAway("It does not answer.")
        ring = Ring()
        for sequence, sample in enumerate(self.messages[:end], 1):
            if sample.job_id == job_id:
                ring.add(sequence, sample)
        return ring


@pytest.fixture
def stream() -> Stream:
    return Stream()


def rings_of(stream: Stream, limit: int = 1 << 20) -> Rings:
    return Rings(stream.of, Latest(ManualClock()), limit)


async def memory(rings: Rings, job_id: str = JOB) -> list[float]:
    """All that is known of the job's memory."""
    return [value for series in drawn((await rings.find(job_id)).lines(GRID)) for value in series.values]


async def test_a_job_is_read_back_once_and_kept_up_from_then_on(stream: Stream) -> None:
    rings = rings_of(stream)
    for second in (5, 10):
        rings.add(stream.publish(sample_at(second, memory_bytes=second)), stream.messages[-1])
    assert await memory(rings) == [5.0, 10.0]
    rings.add(stream.publish(sample_at(15, memory_bytes=15)), stream.messages[-1])
    assert await memory(rings) == [5.0, 10.0, 15.0]
    assert stream.read == [JOB]


async def test_what_the_follower_has_not_heard_yet_is_not_there_twice(stream: Stream) -> None:
    rings = rings_of(stream)
    for second in (5, 10):
        stream.publish(sample_at(second, memory_bytes=second))
    assert await memory(rings) == [5.0, 10.0]
    for sequence, sample in enumerate(stream.messages, 1):
        rings.add(sequence, sample)
    assert await memory(rings) == [5.0, 10.0]


async def test_what_comes_while_a_job_is_read_back_is_added_behind(stream: Stream) -> None:
    rings = rings_of(stream)
    stream.publish(sample_at(5, memory_bytes=5))
    stream.go.clear()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(memory(rings)) for _ in range(3)]
        await until(lambda: stream.read, "the job is read back")
        rings.add(1, stream.messages[0])
        rings.add(stream.publish(sample_at(10, memory_bytes=10)), stream.messages[-1])
        stream.go.set()
    assert [one.result() for one in asked] == [[5.0, 10.0]] * 3
    assert stream.read == [JOB]


async def test_one_job_is_read_back_beside_another(stream: Stream) -> None:
    rings = rings_of(stream)
    for job_id in JOBS[:3]:
        stream.publish(sample_at(5, job_id=job_id, memory_bytes=5))
    stream.go.clear()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(memory(rings, job_id)) for job_id in (*JOBS[:3], *JOBS[:3])]
        await until(lambda: len(stream.read) == 3, "all three are read back")
        stream.go.set()
    assert [one.result() for one in asked] == [[5.0]] * 6
    assert sorted(stream.read) == JOBS[:3]


async def test_a_job_that_never_ran_is_not_remembered(stream: Stream) -> None:
    rings = rings_of(stream)
    assert await memory(rings) == []
    assert rings.bytes == 0
    rings.add(stream.publish(sample_at(5, memory_bytes=5)), stream.messages[-1])
    assert await memory(rings) == [5.0]


async def test_a_stream_that_is_away_is_said_and_asked_again(stream: Stream) -> None:
    rings = rings_of(stream)
    stream.publish(sample_at(5, memory_bytes=5))
    stream.away = True
    with pytest.raises(StreamAway):
        await rings.find(JOB)
    stream.away = False
    assert await memory(rings) == [5.0]


async def test_those_that_nobody_asks_for_go_first_and_come_back_from_the_stream(stream: Stream) -> None:
    for job_id in JOBS:
        for second in range(FULL):
            stream.publish(sample_at(second * 5, job_id=job_id, memory_bytes=second))
    one = (await stream.of(JOBS[0])).bytes
    stream.read.clear()
    rings = rings_of(stream, limit=3 * one)
    for job_id in (*JOBS[:3], JOBS[0], JOBS[3], JOBS[0]):
        assert len(await memory(rings, job_id)) == FULL
        assert rings.bytes <= 3 * one
    assert stream.read == JOBS[:4]
    assert rings.held == 3
    await memory(rings, JOBS[1])
    assert stream.read == [*JOBS[:4], JOBS[1]]


async def test_one_ring_larger_than_the_memory_is_answered_all_the_same(stream: Stream) -> None:
    stream.publish(sample_at(5, memory_bytes=5))
    stream.publish(sample_at(5, job_id=JOBS[1], memory_bytes=6))
    rings = rings_of(stream, limit=1)
    assert await memory(rings) == [5.0]
    assert await memory(rings, JOBS[1]) == [6.0]
    assert rings.bytes == (await stream.of(JOBS[1])).bytes


async def test_memory_is_counted_as_rings_grow(stream: Stream) -> None:
    rings = rings_of(stream)
    rings.add(stream.publish(sample_at(5, memory_bytes=5)), stream.messages[-1])
    ring = await rings.find(JOB)
    for second in range(10, 10 + FULL):
        rings.add(stream.publish(sample_at(second, memory_bytes=1, reported={"x": 1.0})), stream.messages[-1])
    assert rings.bytes == ring.bytes


async def test_rings_that_grow_make_room_for_one_another(stream: Stream) -> None:
    rings = rings_of(stream, limit=20_000)
    for second in range(FULL):
        for job_id in JOBS[:4]:
            sample = sample_at(second * 5, job_id=job_id, memory_bytes=second)
            rings.add(stream.publish(sample), sample)
            if not second:
                await rings.find(job_id)
        assert rings.bytes <= 20_000
    for job_id in JOBS[:4]:
        assert await memory(rings, job_id) == [float(second) for second in range(FULL)]


async def test_lists_know_of_every_job_that_runs_without_reading_back(stream: Stream) -> None:
    rings = rings_of(stream)
    for job_id in JOBS:
        rings.add(stream.publish(sample_at(5, job_id=job_id, reported={"loss": 1.0})), stream.messages[-1])
    assert [rings.latest(job_id)[0].reported for job_id in JOBS] == [{"loss": 1.0}] * len(JOBS)
    assert stream.read == []
    assert (rings.bytes, rings.held, rings.running) == (0, 0, len(JOBS))
