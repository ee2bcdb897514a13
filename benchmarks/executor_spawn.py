"""What a run costs in the `process` backend alone: no bus, no store, only spawner, supervisor and command.

`python -m benchmarks.executor_spawn` prints each figure beside what bare process starts cost on the same machine in
the same minute.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from services.executor.backends.process.backend import ProcessBackend
from services.executor.backends.process.usage.groups import Groups, mounted
from services.executor.domain.observation import Ended, Observation
from tests.support.executor_backend import order_of

TRUE = ("/bin/true",)
STAMP = ("/bin/sh", "-c", "date +%s%N")
IN_FLIGHT = 32


class Bench:
    """Runs commands to their end and remembers when what was seen."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._backend = ProcessBackend(home, groups=Groups(home, mounted()))
        self._done: dict[str, asyncio.Future[Ended]] = {}
        self._count = 0

    async def __aenter__(self) -> "Bench":
        await self._backend.open(self._changed, lambda run_id: None)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._backend.close()

    def _changed(self, run_id: str, observation: Observation) -> None:
        done = self._done.get(run_id)
        if isinstance(observation, Ended) and done is not None and not done.done():
            done.set_result(observation)

    async def run(self, argv: Sequence[str]) -> tuple[str, Ended]:
        """One run from launch to end."""
        self._count += 1
        run_id = f"bench.{self._count}"
        self._done[run_id] = asyncio.get_running_loop().create_future()
        await self._backend.launch([order_of(run_id, tuple(argv), Path("/"), 1.0)])
        ended = await self._done[run_id]
        del self._done[run_id]
        return run_id, ended

    def output(self, run_id: str) -> bytes:
        return self._backend.output(run_id).read_bytes()

    def supervisor_memory(self) -> list[int]:
        """Private dirty bytes of each supervisor that lives."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                if Path(f"/proc/{pid}/comm").read_text() == "jobyard-run\n":
                    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
                    found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_Dirty")]
            except OSError:
                continue
        return found


def bare_starts(seconds: float) -> float:
    """Process starts per second that this machine does from one thread."""
    count, end = 0, time.perf_counter() + seconds
    while time.perf_counter() < end:
        os.waitpid(os.posix_spawn(TRUE[0], TRUE, {}), 0)
        count += 1
    return count / seconds


async def rate(bench: Bench, in_flight: int, seconds: float) -> float:
    """No-op runs per second with so many at a time."""
    end = time.perf_counter() + seconds

    async def worker() -> int:
        count = 0
        while time.perf_counter() < end:
            await bench.run(TRUE)
            count += 1
        return count

    begun = time.perf_counter()
    counts = await asyncio.gather(*(worker() for _ in range(in_flight)))
    return sum(counts) / (time.perf_counter() - begun)


async def latency(bench: Bench, count: int) -> list[float]:
    """Milliseconds from the launch to the command's own first look at the clock, one run at a time."""
    found = []
    for _ in range(count):
        sent = time.time_ns()
        run_id, _ended = await bench.run(STAMP)
        found.append((int(bench.output(run_id)[13:].split()[0]) - sent) / 1e6)
    return found


async def measure() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        async with Bench(Path(folder)) as bench:
            await rate(bench, 4, 0.5)
            sleepers = [asyncio.create_task(bench.run(("/bin/sleep", "2"))) for _ in range(10)]
            await asyncio.sleep(1)
            memory = bench.supervisor_memory()
            await asyncio.gather(*sleepers)
            print(f"{'bare process starts, one thread':45} {bare_starts(2):8.0f} /s")
            print(f"{'no-op runs, one by one':45} {await rate(bench, 1, 3):8.0f} /s")
            print(f"{f'no-op runs, {IN_FLIGHT} in flight':45} {await rate(bench, IN_FLIGHT, 5):8.0f} /s")
            times = sorted(await latency(bench, 100))
            print(f"{'launch to exec, p50':45} {statistics.median(times):8.1f} ms")
            print(f"{'launch to exec, p99':45} {times[98]:8.1f} ms")
            print(f"{'private dirty memory of a supervisor':45} {statistics.median(memory) / 2**20:8.1f} MiB")


if __name__ == "__main__":
    asyncio.run(measure())
