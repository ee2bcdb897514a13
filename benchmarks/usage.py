"""What was used, at the size of a busy month: 10,000 jobs counted, their summaries, and everybody's month by day.

The service and whoever asks share one process here, with a nats-server beside it.
"""

import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from benchmarks.figures import Figure, percentile
from services.metrics.accounts import Accounts
from services.metrics.app import build
from services.metrics.domain.attempt import Attempt
from services.metrics.store import LedgerStore
from shared.bus.bus import Bus, connect
from shared.bus.consume import LIST
from shared.bus.streams import bootstrap
from shared.contracts.commands.metrics import SUMMARIES, USAGE
from shared.contracts.metrics import MANY_SUMMARIES, AskSummaries, AskUsage, NetworkTotals, RunUsage
from shared.runtime import serving
from shared.settings import PlatformSettings
from shared.store.open import open_store
from tests.support.nats import NatsServer

JOBS = 10_000
USERS = 100
DAYS = 30
ROUNDS = 5
FIRST = date(2026, 11, 1)
LAST = FIRST + timedelta(days=DAYS)


async def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory(prefix="jobyard-") as name:
        folder = Path(name)
        async with NatsServer() as nats:
            settings = PlatformSettings(data=folder, nats_url=nats.url)
            counted = await _count(settings)
            async with connect(nats.url, "bench") as bus:
                await bootstrap(bus.js, settings)
                async with serving([build], settings):
                    return [counted, *await _summaries(bus), await _month(bus)]


def _id(number: int) -> str:
    return f"{number:026}"


def _attempt(number: int) -> Attempt:
    """Six hours on four devices, a quarter of them over midnight."""
    started_at = datetime(2026, 11, 1, number % 24, tzinfo=UTC) + timedelta(days=number % DAYS)
    seconds = 6 * 3600.0
    usage = RunUsage(
        seconds=seconds,
        cpu_seconds=seconds,
        memory_peak_bytes=300_000_000,
        memory_mean_bytes=250_000_000.0,
        network=NetworkTotals(receive_bytes=20_000_000, transmit_bytes=1_000_000, scope="run"),
        block_read_bytes=1_000_000,
        block_write_bytes=50_000_000,
        device_seconds=4 * seconds,
        device_measured_seconds=4 * seconds,
        device_idle_seconds=seconds,
        device_utilization_mean=0.7,
        reported={"loss": 0.25, "accuracy": 0.9, "step": 1000.0},
    )
    return Attempt(
        job_id=_id(number),
        number=1,
        vc="default",
        owner=f"user-{number // DAYS % USERS}",
        device_type="v100",
        devices=4,
        cpus=8,
        started_at=started_at,
        ended_at=started_at + timedelta(seconds=seconds),
        usage=usage,
    )


async def _count(settings: PlatformSettings) -> Figure:
    """As events bring them: in the order of time, as many at once as one list holds."""
    store = open_store(settings, "metrics", local=True)
    accounts = Accounts(LedgerStore(store), lambda job_id: ())
    attempts = [_attempt(number) for number in range(JOBS)]
    await store.open()
    try:
        begin = time.perf_counter()
        for start in range(0, JOBS, LIST):
            await accounts.count(attempts[start : start + LIST])
        took = time.perf_counter() - begin
    finally:
        await store.close()
    return Figure(f"attempts counted, {LIST} at once", JOBS / took, "/s", 1_000, better="higher")


async def _summaries(bus: Bus) -> list[Figure]:
    times, whole = [], []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        for start in range(0, JOBS, MANY_SUMMARIES):
            asked = time.perf_counter()
            left = tuple(map(_id, range(start, start + MANY_SUMMARIES)))
            found = 0
            while left:
                answer = await bus.ask(SUMMARIES, AskSummaries(job_ids=left))
                found, left = found + len(answer.items), answer.left
            assert found == MANY_SUMMARIES
            times.append(time.perf_counter() - asked)
        whole.append(time.perf_counter() - begin)
    return [
        Figure(f"summaries of {JOBS:,} jobs, {MANY_SUMMARIES} at once", percentile(whole, 0.5), "s", 2),
        Figure(f"summaries of {MANY_SUMMARIES} jobs, p50", percentile(times, 0.5) * 1000, "ms", 100),
    ]


async def _month(bus: Bus) -> Figure:
    times, rows = [], 0
    for _ in range(ROUNDS):
        begin, rows = time.perf_counter(), 0
        ask = AskUsage(first=FIRST, last=LAST)
        while True:
            page = await bus.ask(USAGE, ask)
            rows += len(page.rows)
            if page.after is None:
                break
            ask = ask.model_copy(update={"after": page.after})
        times.append(time.perf_counter() - begin)
    return Figure(f"a month of {USERS} users by day, {rows:,} rows, p50", percentile(times, 0.5) * 1000, "ms", 500)
