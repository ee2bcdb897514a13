"""The log service by itself: lines per second from publication to the rings, tails, and a start after kill -9.

`python -m benchmarks.logs`. The lines come from this process through a real nats-server into `python -m services.logs`,
so publisher, server and service share the machine's cores.
"""

import asyncio
import os
import signal
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.figures import Figure, percentile, show
from shared.bus.bus import Bus, connect
from shared.bus.streams import bootstrap
from shared.contracts import subjects
from shared.contracts.logs import LogChunk, LogSegment, Stream
from shared.ids import new_id
from shared.settings import PlatformSettings
from tests.support.log_service import LogService, page, tail
from tests.support.nats import NatsServer
from tests.support.waiting import until

CHUNK_LINES = 100
TEXT = "\n".join(f"epoch {line:5d}  loss 0.{line:04d}  accuracy 0.98  12.5 samples/s" for line in range(CHUNK_LINES))
IN_FLIGHT = 256


async def measure() -> list[Figure]:
    """Everything, on a server and a service of its own."""
    async with NatsServer() as server, connect(server.url, "bench") as bus:
        await bootstrap(bus.js, PlatformSettings())
        with tempfile.TemporaryDirectory() as folder, LogService(server.url, Path(folder) / "data") as service:
            await page(bus, new_id())
            figures = [Figure("log service idle, resident", _resident_mib(service), "MiB")]
            one, figure = await _ingested(bus, service, "one job", 1, 1_000_000, 250_000)
            _, many = await _ingested(bus, service, "200 jobs", 200, 2_000_000, 600_000)
            figures += [*figure, *many]
            figures.append(Figure("log service with 201 full rings, resident", _resident_mib(service), "MiB"))
            figures += await _tails(bus, one)
            figures += await _restart(bus, service, one)
            return figures


async def _ingested(
    bus: Bus, service: LogService, whose: str, jobs: int, lines: int, goal: float
) -> tuple[str, list[Figure]]:
    """One of the jobs, and lines per second: to a service that reads along, then to one that finds all published."""
    figures = []
    for how, reads_along in (("while published", True), ("stored to ring", False)):
        ids = [new_id() for _ in range(jobs)]
        payloads = [_payloads(job_id, lines // jobs) for job_id in ids]
        if not reads_along:
            os.kill(service.pid, signal.SIGSTOP)
        begin = time.perf_counter()
        await _publish(bus, [subjects.log(job_id) for job_id in ids], payloads)
        end = (await bus.js.stream_info(subjects.LOGS)).state.last_seq
        if not reads_along:
            os.kill(service.pid, signal.SIGCONT)
            begin = time.perf_counter()
        position = 0
        while position < end:
            position = (await page(bus, ids[0], tail=1)).position
        figures.append(Figure(f"lines of {whose}, {how}", lines / (time.perf_counter() - begin), "1/s", goal, "higher"))
        found, gaps = await tail(bus, ids[-1])
        assert not gaps
        assert found[-1].seq == lines // jobs
    return ids[0], figures


async def _publish(bus: Bus, to: Sequence[str], payloads: Sequence[Sequence[bytes]]) -> None:
    """Every job's first chunk, then every job's second, and so on."""
    sent = 0
    for number in range(len(payloads[0])):
        for subject, own in zip(to, payloads, strict=True):
            await bus.nats.publish(subject, own[number])
            sent += 1
            if sent % IN_FLIGHT == 0:
                await bus.nats.flush()
    await bus.nats.flush()


def _payloads(job_id: str, lines: int) -> Sequence[bytes]:
    """The chunks of one job, encoded before the clock runs."""
    segments = (LogSegment(stream=Stream.STDOUT, time=datetime.now(UTC), count=CHUNK_LINES),)
    return [
        LogChunk(job_id=job_id, attempt=1, seq=seq, segments=segments, text=TEXT).model_dump_json().encode()
        for seq in range(1, lines + 1, CHUNK_LINES)
    ]


async def _tails(bus: Bus, job_id: str) -> list[Figure]:
    """How long 2000 lines take to come."""
    took = []
    for _ in range(500):
        begin = time.perf_counter()
        await page(bus, job_id)
        took.append((time.perf_counter() - begin) * 1e3)
    return [
        Figure("tail of 2000 lines, p50", percentile(took, 0.5), "ms", 5),
        Figure("tail of 2000 lines, p99", percentile(took, 0.99), "ms"),
    ]


async def _restart(bus: Bus, service: LogService, job_id: str) -> list[Figure]:
    """From the start of a process, after kill -9, to its first answer, and to a job's exact last lines."""
    expected, _ = await tail(bus, job_id)
    service.kill()
    ready = len(service.said("ready"))
    begin = time.perf_counter()
    service.start()
    await until(lambda: len(service.said("ready")) > ready, "the service is ready")
    answered = time.perf_counter() - begin
    lines, _ = await tail(bus, job_id)
    exact = time.perf_counter() - begin
    assert lines == expected
    return [
        Figure("after kill -9: ready, imports included", answered, "s", 1),
        Figure("after kill -9: exact, what was not saved read again", exact, "s"),
    ]


def _resident_mib(service: LogService) -> float:
    status = Path(f"/proc/{service.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


if __name__ == "__main__":
    show("The log service", asyncio.run(measure()))
