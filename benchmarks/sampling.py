"""What it costs the executor to read what its runs use: 200 runs of five processes each, by groups and by trees."""

import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, percentile
from services.executor.backends.process.backend import ProcessBackend
from services.executor.backends.process.usage.groups import Groups, mounted
from services.executor.backends.process.usage.hierarchies import Hierarchy
from services.executor.backends.protocol import RunOrder
from tests.support.executor_backend import ProcessHome, order_of
from tests.support.waiting import until

RUNS = 200
PROCESSES = 5
SWEEPS = 20
EVERY_S = 5.0
SHARE = 0.05
"""The goal: of one core."""

SCRIPT = "for each in 1 2 3 4; do sleep 600 & done; wait"


async def measure() -> list[Figure]:
    """Processor time of one sweep over all runs, as a share of a core when there is one each 5 s."""
    figures = []
    for way, found in (("by group", mounted()), ("by process tree", ())):
        took = await _sweeps(found)
        share = percentile(took, 0.5) / EVERY_S
        note = f"{percentile(took, 0.5) * 1e3:.0f} ms a sweep, {percentile(took, 1) * 1e3:.0f} at most"
        name = f"reading {RUNS} runs of {PROCESSES} processes each 5 s, {way}"
        figures.append(Figure(name, share * 100, "% of a core", SHARE * 100, note=note))
    return figures


async def _sweeps(found: tuple[Hierarchy, ...]) -> list[float]:
    """Seconds of processor time of each sweep."""
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        home = Path(folder)
        backend = ProcessBackend(home, groups=Groups(home, found))
        await backend.open(lambda run_id, seen: None, lambda run_id: None)
        try:
            ids = [f"bench.{number}" for number in range(RUNS)]
            await backend.launch([_order(id) for id in ids])

            async def all_there() -> bool:
                readings = await backend.measure(ids)
                return len(readings) == RUNS and all(len(each.pids) == PROCESSES for each in readings.values())

            await until(all_there, "all runs have all of their processes")
            return [await _sweep(backend, ids) for _ in range(SWEEPS)]
        finally:
            ProcessHome(home).kill_all()
            await backend.close()


async def _sweep(backend: ProcessBackend, ids: list[str]) -> float:
    begin = time.process_time()
    await backend.measure(ids)
    return time.process_time() - begin


def _order(id: str) -> RunOrder:
    return order_of(id, ("/bin/sh", "-c", SCRIPT), Path("/"), 1.0)
