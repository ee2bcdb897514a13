"""The first page of MY JOBS and ALL JOBS among ten jobs, ten thousand and a million, through HTTP on a platform.

The store is filled before the platform starts. Each page has ten jobs, so that only the number of the others differs;
one job in a hundred waits, and at least ten.
"""

import tempfile
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path

from benchmarks.figures import Figure, percentile
from benchmarks.yard import Yard
from services.jobs.domain.document import JobDocument
from services.jobs.store import JobStore
from shared.contracts.job import JobStatus
from shared.ids import new_id
from shared.settings import PlatformSettings
from shared.store.open import open_store
from tests.support.documents import in_status
from tests.support.platform import Platform

FEW, MANY, MILLION = 10, 10_000, 1_000_000
LISTS = {"mine": "/api/v1/jobs?limit=10", "all": "/api/v1/jobs?scope=all&limit=10"}
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
TOGETHER = 2_000
ASKED = 300


async def first_pages(sizes: Iterable[int]) -> list[Figure]:
    """Each list at each size; the goal of the last is 1.5 times the first."""
    figures: list[Figure] = []
    took: dict[tuple[str, int], float] = {}
    for size in sizes:
        with tempfile.TemporaryDirectory(prefix="jobyard-") as folder:
            data = Path(folder) / "data"
            begin = time.perf_counter()
            await fill(data, size)
            figures.append(Figure(f"{size:,} jobs written into the store", time.perf_counter() - begin, "s"))
            for scope, times in (await _measured(data)).items():
                took[scope, size] = p50 = percentile(times, 0.5)
                note = f"p99 {percentile(times, 0.99):.2f} ms, {p50 / took[scope, FEW]:.2f} times that of {FEW} jobs"
                figures.append(Figure(f"first page of {scope} among {size:,} jobs, p50", p50, "ms", 5, note=note))
    return figures


async def _measured(data: Path) -> dict[str, list[float]]:
    """Milliseconds of each request, the lists in turns."""
    running = Platform(data)
    try:
        running.start(within=300)
        took: dict[str, list[float]] = {scope: [] for scope in LISTS}
        async with Yard(running).connection() as connection:
            for number in range(ASKED + 20):
                for scope, path in LISTS.items():
                    begin = time.perf_counter()
                    status, body = await connection.send("GET", path)
                    seconds = time.perf_counter() - begin
                    assert status == 200, body[:500]
                    if number >= 20:  # the first ones read the files
                        took[scope].append(seconds * 1e3)
        return took
    finally:
        running.close()


async def fill(data: Path, size: int) -> None:
    """The jobs of `admin`, their events marked as published."""
    store = open_store(PlatformSettings(data=data), "jobs", local=True)
    jobs = JobStore(store)
    await store.open()
    try:
        left = _jobs(size)
        while some := list(islice(left, TOGETHER)):
            refused = await jobs.jobs.insert_many(some)
            assert not any(refused)
            await jobs.jobs.raise_marks({job.id: job.version for job in some})
    finally:
        await store.close()


def _jobs(size: int) -> Iterator[JobDocument]:
    finished = in_status(JobStatus.FINISHED, device_type="none-such", devices=1)
    waiting = in_status(JobStatus.QUEUED, device_type="none-such", devices=1)
    every = max(1, min(100, size // 10))
    for number in range(size):
        job = waiting if number % every == 0 else finished
        moment = BEGIN + timedelta(seconds=number)
        name = f"train-{number * 7919 % 5000}"
        priority = 1 + number * 31 % 1000
        yield job.model_copy(
            update={
                "id": new_id(),
                "owner": "admin",
                "submitted_at": moment,
                "request": job.request.model_copy(update={"name": name, "priority": priority}),
                "state": job.state.model_copy(update={"priority": priority}),
            }
        )
