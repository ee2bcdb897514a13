"""The metrics service by itself: a graph of all families over an hour, samples per second, and memory per job.

`python -m benchmarks metrics`. Samples come from this process through a real nats-server into `python -m
services.metrics`, so publisher, server and service share the machine's cores.
"""

import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.figures import Figure, percentile
from shared.bus.bus import Bus, connect
from shared.bus.streams import bootstrap
from shared.contracts import subjects
from shared.contracts.metrics import SAMPLES_KEPT, Accelerator, NetworkTotals, QueryMetrics, Sample
from shared.ids import new_id
from shared.settings import PlatformSettings
from tests.support.metrics_service import MetricsService, asked, drawn, sample_at
from tests.support.nats import NatsServer
from tests.support.waiting import until

JOBS = 100
"""Whose rings are full."""
HOUR_S = SAMPLES_KEPT * 5
QUERIES = 300
IN_FLIGHT = 256


async def measure() -> list[Figure]:
    """Everything, on a server and a service of its own."""
    async with NatsServer() as server, connect(server.url, "bench") as bus:
        await bootstrap(bus.js, PlatformSettings())
        with tempfile.TemporaryDirectory() as folder, MetricsService(server.url, Path(folder) / "data") as service:
            start = datetime.now(UTC) - timedelta(seconds=HOUR_S)
            jobs = [new_id() for _ in range(JOBS)]
            await drawn(bus, asked(start, job_id=jobs[0]))
            before = _resident_kib(service)
            figures = [Figure("metrics service idle, resident", before / 1024, "MiB")]
            figures.append(await _ingested(bus, jobs, start))
            figures += await _graphs(bus, jobs, start)
            grown = (_resident_kib(service) - before) / JOBS
            figures.append(Figure("an hour of a job in memory, resident", grown, "KiB"))
            return figures


async def _ingested(bus: Bus, jobs: Sequence[str], start: datetime) -> Figure:
    """Samples per second of many jobs, from publication until the newest is answered."""
    payloads = [
        [_full(job_id, number * 5, start).model_dump_json().encode() for job_id in jobs]
        for number in range(SAMPLES_KEPT)
    ]
    begin, sent = time.perf_counter(), 0
    for number, those in enumerate(payloads):
        for job_id, payload in zip(jobs, those, strict=True):
            await bus.nats.publish(subjects.sample(job_id, 0), payload)
            sent += 1
            if sent % IN_FLIGHT == 0:
                await bus.nats.flush()
        if number == 0:  # from now on the last job is in memory, which nothing but what is heard keeps up
            await bus.nats.flush()
            await drawn(bus, asked(start, job_id=jobs[-1]))
            begin = time.perf_counter()
    newest = start.timestamp() + (SAMPLES_KEPT - 1) * 5

    async def heard() -> bool:
        return await _newest(bus, jobs[-1], start) > newest - 1

    await until(heard, "all that was published is known")
    return Figure("samples of 100 jobs, while published", sent / (time.perf_counter() - begin), "1/s", 2000, "higher")


async def _graphs(bus: Bus, jobs: Sequence[str], start: datetime) -> list[Figure]:
    """All families over an hour: of a job that nobody has asked for, then of those in memory."""
    took: dict[str, list[float]] = {}
    for what, step_s, count in (("first", 5.0, JOBS), ("5 s", 5.0, QUERIES), ("15 s", 15.0, QUERIES)):
        took[what] = []
        for number in range(count):
            ask = _question(jobs[number % JOBS], start, step_s)
            begin = time.perf_counter()
            series = await drawn(bus, ask)
            took[what].append((time.perf_counter() - begin) * 1e3)
            assert len(series) == 12
            assert {len(one.times) for one in series} <= {int(3600 / step_s) + 1, int(3600 / step_s)}
    return [
        Figure("1 h x 8 families, a point each 5 s, p50", percentile(took["5 s"], 0.5), "ms", 20),
        Figure("1 h x 8 families, a point each 5 s, p99", percentile(took["5 s"], 0.99), "ms"),
        Figure("1 h x 8 families, a point each 15 s, p50", percentile(took["15 s"], 0.5), "ms", 20),
        Figure("the same of a job not asked for before, p50", percentile(took["first"], 0.5), "ms"),
    ]


async def _newest(bus: Bus, job_id: str, start: datetime) -> float:
    series = await drawn(bus, _question(job_id, start, 5.0))
    return series[-1].times[-1] if series else 0.0


def _question(job_id: str, start: datetime, step_s: float) -> QueryMetrics:
    """The last hour of the ring."""
    return asked(start + timedelta(seconds=HOUR_S - 5 - 3600), 3600, step_s, job_id=job_id)


def _full(job_id: str, second: float, start: datetime) -> Sample:
    """With all eight families, of one GPU and one NPU, and two reported values."""
    return sample_at(
        second,
        job_id=job_id,
        start=start,
        cpu_seconds=second * 0.987,
        memory_bytes=300_000_000 + int(second) * 4096,
        network=NetworkTotals(receive_bytes=int(second * 54_321), transmit_bytes=int(second * 1234), scope="run"),
        block_read_bytes=int(second * 1000),
        block_write_bytes=int(second * 7000),
        accelerators=(
            Accelerator(kind="gpu", device=0, utilization=0.87, memory_bytes=30_000_000_000),
            Accelerator(kind="npu", device=0, utilization=0.76, memory_bytes=20_000_000_000),
        ),
        reported={"loss": 2.345 / (second + 1), "accuracy": 0.5},
    )


def _resident_kib(service: MetricsService) -> int:
    status = Path(f"/proc/{service.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])
