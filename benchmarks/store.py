"""What the store costs beyond the disk: `python -m benchmarks.store [--uvloop] [--mongo] [--folder F]`.

Documents have the size of jobs, and six of their indexes. Beside every figure stands what the machine's own disk does
in the same run: a compare-and-set one by one cannot be faster than one `fdatasync`.
"""

import argparse
import asyncio
import os
import random
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop
from pydantic import SecretStr

from benchmarks.figures import Figure, percentile, show
from shared.contracts.base import Contract
from shared.store.open import open_store
from shared.store.port import Collection, Eq, In, Index, Schema
from tests.support.mongo import mongo_url

DOCUMENTS = 10_000
STATUSES = ("finished", "running", "queued")
PAGE_BYTES = 24 << 10  # about what one compare-and-set of such a document writes into the log


class Entry(Contract):
    version: int
    fact: str = "started"
    time: str = "2026-11-23T23:12:50.123Z"
    actor: str = "scheduler"
    facts: str = "node n1, devices 0,1,2,3, " + "x" * 300


class Job(Contract):
    """A document as large as a job's, in the middle of its life."""

    id: str
    version: int
    owner: str
    status: str
    submitted_at: str
    over: bool = False
    key: str | None = None
    command: str = "python train.py " + "--option value " * 20
    env: str = "NAME=value " * 20
    history: tuple[Entry, ...] = (Entry(version=1), Entry(version=2), Entry(version=3))


JOBS: Schema[Job] = Schema(
    "jobs",
    lambda job: job.model_dump_json().encode(),
    Job.model_validate_json,
    (
        Index("owner_time", ("owner", "-submitted_at")),
        Index("owner_status_time", ("owner", "status", "-submitted_at")),
        Index("status_time", ("status", "-submitted_at")),
        Index("time", ("-submitted_at",)),
        Index("open", ("over",)),
        Index("key", ("owner", "key"), unique=True),
    ),
)


@dataclass(frozen=True)
class Place:
    """Settings of a store for this run."""

    data: Path
    mongo_url: SecretStr | None = None


def job(number: int, version: int = 1) -> Job:
    minute, second = divmod(number, 60)
    moment = f"2026-11-23T{minute // 60 % 24:02}:{minute % 60:02}:{second:02}.{number % 1000:03}Z"
    status = STATUSES[version % 3 if number % 10 == 0 else (version - 1) % 2]
    return Job(id=f"01JD{number:022}", version=version, owner="ann", status=status, submitted_at=moment)


def sync_p50(folder: Path) -> float:
    """Seconds of one fdatasync after a write of what a compare-and-set writes."""
    took = []
    with tempfile.TemporaryFile(dir=folder) as file:
        for number in range(300):
            os.pwrite(file.fileno(), b"x" * PAGE_BYTES, number * PAGE_BYTES)
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begin)
    return percentile(took, 0.5)


async def timed(times: int, work: Callable[[int], Awaitable[object]]) -> list[float]:
    """Seconds of each of so many calls, one after the other."""
    took = []
    for number in range(times):
        begin = time.perf_counter()
        await work(number)
        took.append(time.perf_counter() - begin)
    return took


class Swaps:
    """Compare-and-sets of documents of one's own; every one has to succeed."""

    def __init__(self, jobs: Collection[Job]) -> None:
        self._jobs = jobs
        self._versions = dict.fromkeys(range(DOCUMENTS), 1)

    async def one(self, number: int) -> None:
        version = self._versions[number]
        if not await self._jobs.swap(job(number, version + 1), version):
            raise RuntimeError("a swap that nobody competed with was refused")
        self._versions[number] = version + 1

    async def side_by_side(self, writers: int, times: int) -> float:
        """Commits a second; each writer goes on as soon as its former commit is acknowledged."""

        async def write(name: int) -> None:
            for turn in range(times // writers):
                await self.one((name + turn * writers) % DOCUMENTS)

        begin = time.perf_counter()
        await asyncio.gather(*(write(name) for name in range(writers)))
        return times // writers * writers / (time.perf_counter() - begin)


async def writing(jobs: Collection[Job], folder: Path, times: int) -> list[Figure]:
    """Compare-and-sets, beside the disk."""
    swaps, order = Swaps(jobs), random.Random(1).sample(range(DOCUMENTS), DOCUMENTS)
    before = sync_p50(folder)
    took = await timed(times, lambda number: swaps.one(order[number]))
    sync = (before + sync_p50(folder)) / 2
    note = f"{1 / sync:,.0f} fdatasync/s"
    rates = [(writers, await swaps.side_by_side(writers, times * 4)) for writers in (16, 64)]
    return [
        Figure("fdatasync of 24 KiB, p50", sync * 1e3, "ms"),
        Figure("compare-and-set, one by one, p50", percentile(took, 0.5) * 1e3, "ms", note="document made included"),
        Figure("compare-and-set, one by one, p99", percentile(took, 0.99) * 1e3, "ms"),
        Figure("  of it beyond the disk, p50", (percentile(took, 0.5) - sync) * 1e3, "ms", 0.2),
        Figure("compare-and-set, one by one", times / sum(took), "1/s", 5_000, "higher", note),
        *(Figure(f"compare-and-set, {n} writers", rate, "1/s", 30_000, "higher", note) for n, rate in rates),
    ]


async def reading(jobs: Collection[Job], times: int) -> list[Figure]:
    """Look-ups among the documents of one owner."""
    ann, newest = Eq("owner", "ann"), ("-submitted_at",)
    some = In("status", ("running", "queued"))
    questions: list[tuple[str, Callable[[int], Awaitable[object]]]] = [
        ("get", lambda number: jobs.get(f"01JD{number * 7:022}")),
        ("first page of 50", lambda _: jobs.find([ann], newest, limit=50)),
        ("first page of 50, two statuses of three", lambda _: jobs.find([ann, some], newest, limit=50)),
        ("count one owner's", lambda _: jobs.count([ann], at_most=10_001)),
        ("count one owner's, two statuses", lambda _: jobs.count([ann, some], at_most=10_001)),
        ("documents that are behind, 100", lambda _: jobs.behind()),
    ]
    figures = []
    for name, question in questions:
        took = await timed(times, question)
        figures.append(
            Figure(f"{name}, p50", percentile(took, 0.5) * 1e3, "ms", note=f"p99 {percentile(took, 0.99) * 1e3:.2f} ms")
        )
    return figures


async def measure(place: Place, times: int) -> None:
    """One store from empty to full."""
    store = open_store(place, "bench", local=False)
    jobs = store.collection(JOBS)
    await store.open()
    took = await timed(DOCUMENTS // 500, lambda turn: jobs.insert_many([job(turn * 500 + n) for n in range(500)]))
    inserts = Figure("insert 500 in one call, p50", percentile(took, 0.5) * 1e3, "ms", note="documents made included")
    figures = [inserts, *await writing(jobs, place.data, times), *await reading(jobs, min(200, times // 10))]
    await store.close()
    if place.mongo_url is not None:  # the goals are the embedded store's
        figures = [replace(figure, goal=None) for figure in figures]
    show(f"{DOCUMENTS:,} documents in {'SQLite' if place.mongo_url is None else 'MongoDB'}", figures)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.store", description=__doc__)
    parser.add_argument("--uvloop", action="store_true", help="instead of the standard event loop")
    parser.add_argument("--mongo", action="store_true", help="the tests' MongoDB too")
    parser.add_argument("--folder", type=Path, help="where the file lies; default: a temporary folder")
    options = parser.parse_args()
    run = uvloop.run if options.uvloop else asyncio.run
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        run(measure(Place(Path(name)), 3_000))
        if options.mongo:
            with mongo_url() as url:
                run(measure(Place(Path(name), SecretStr(url)), 100))


if __name__ == "__main__":
    main()
