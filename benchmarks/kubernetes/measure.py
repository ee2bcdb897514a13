"""The whole platform on a simulated cluster: jobs per second, writes per job, memory, and a restart of the executor."""

import asyncio
import json
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx

from benchmarks.figures import Figure
from benchmarks.kubernetes.cluster import CONTROLLERS, KWOK, RESOURCE, SimulatedCluster, simulated
from benchmarks.kubernetes.processes import cpu_s, memory_mib, peak_mib
from benchmarks.load import Connection
from benchmarks.yard import Yard
from shared.contracts.job import TERMINAL, JobStatus
from tests.support.kubernetes.storage import CLAIM, make_claim
from tests.support.platform import Platform
from tests.support.waiting import until

LASTS_S = 10.0
"""How long the commands of short jobs run."""
RANKS = 2
_NAMESPACE = "jobyard-default"
_PAGE = 500
_PATIENCE_S = 3600.0
_ON_THE_WAY = ",".join(status for status in JobStatus if status not in TERMINAL)
_LATER = "a pod is deleted once more than ten minutes have passed since its end"
ONE = {"name": "one", "command": "true", "device_type": "v100", "devices": 1, "cpus": 1, "memory_mib": 1024}
SEVERAL = ONE | {"name": "several", "nodes": RANKS}
LONG = {"name": "long", "command": "true", "cpus": 1, "memory_mib": 1024}
"""More of them than the cluster has devices are to run at once."""


@dataclass(frozen=True)
class Size:
    """`jobs` come and go, then `runs` run at once. `held`: consoles that stay open; nodes say of more that they have
    ended, and are asked again and again. The API server needs two files for each.
    """

    nodes: int = 1000
    jobs: int = 10_000
    runs: int = 9000
    held: int = 9000


async def measure(size: Size) -> AsyncIterator[Figure]:
    """Each figure as soon as it is known: all of them take minutes. Needs `tests.support.kubernetes.programs`."""
    with tempfile.TemporaryDirectory(prefix="jobyard-kwok-") as name:
        folder = Path(name)
        (folder / "plane").mkdir()
        async with simulated(folder / "plane", LASTS_S, size.held) as cluster:
            await cluster.add_nodes(size.nodes)
            platform = Platform(folder / "data", environment=_environment(cluster, folder / "data"))
            try:
                await make_claim(cluster.api, _NAMESPACE, folder / "data" / "storage")
                await asyncio.to_thread(platform.start)
                async for figure in _measured(Yard(platform), cluster, size):
                    yield figure
            finally:
                await asyncio.to_thread(platform.close)


def _environment(cluster: SimulatedCluster, data: Path) -> dict[str, str]:
    executor = {
        "CONFIG": str(cluster.kubeconfig),
        "EXISTING_NAMESPACES": json.dumps([_NAMESPACE]),
        "IMAGE": "registry.invalid/train:1",
        "STORAGE": json.dumps({str(data / "storage"): {"claim": CLAIM}}),
        "DEVICES": json.dumps({ONE["device_type"]: {"resource": RESOURCE}}),
    }
    backend = {"JOBYARD_EXECUTOR_BACKEND": "kubernetes", "JOBYARD_EXECUTOR_NODE": "cluster"}
    return backend | {f"JOBYARD_EXECUTOR_KUBERNETES_{name}": value for name, value in executor.items()}


async def _measured(yard: Yard, cluster: SimulatedCluster, size: Size) -> AsyncIterator[Figure]:
    async with yard.connection() as connection:
        await _finish(connection, ONE, 1)  # what is made once for all
        cluster.writes.since()
        for figure in await _short(yard, connection, cluster, size):
            yield figure
        yield await _gangs(connection, cluster, max(size.jobs // 20, 1))
        for figure in await _long(yard, connection, cluster, size):
            yield figure


async def _short(yard: Yard, connection: Connection, cluster: SimulatedCluster, size: Size) -> list[Figure]:
    """Jobs of one rank and one device, from the first submission until the last one is finished."""
    before = _used(yard, cluster)
    began = time.time()
    ids = await _finish(connection, ONE, size.jobs)
    after = _used(yard, cluster)
    jobs = await _jobs(connection, ids)
    running = max(_moment(job["started_at"]) for job in jobs) - began
    finished = max(_moment(job["finished_at"]) for job in jobs) - began
    share = {name: (after[name] - before[name]) / size.jobs * 1e3 for name in after}
    spent = ", ".join(f"{name} {share[name]:.1f}" for name in sorted(share, key=share.__getitem__, reverse=True))
    pid = yard.platform.part("executor")
    return [
        Figure("jobs of one rank, submitted to running", size.jobs / running, "1/s", note=_rates()),
        Figure("the same, submitted to finished", size.jobs / finished, "1/s", note=f"a command runs {LASTS_S:g} s"),
        Figure("processor time for each", sum(share.values()), "ms", note=spent),
        _writes("writes to the API server for each", cluster.writes.since(), size.jobs, 4),
        Figure("the executor's memory at most by then", peak_mib(pid), "MiB", 300),
    ]


async def _gangs(connection: Connection, cluster: SimulatedCluster, count: int) -> Figure:
    await _finish(connection, SEVERAL, count)
    return _writes(f"writes for each job of {RANKS} ranks", cluster.writes.since(), count, 2 + 3 * RANKS)


async def _long(yard: Yard, connection: Connection, cluster: SimulatedCluster, size: Size) -> list[Figure]:
    """As many that run at once, and an executor that is killed meanwhile."""
    cluster.logs.lasts_s = None
    await _submit(connection, LONG, size.runs)
    await _until_total(connection, "running", size.runs)
    executor = yard.platform.part("executor")
    held, memory, peak = cluster.logs.held, memory_mib(executor), peak_mib(executor)
    began = time.perf_counter()
    await asyncio.to_thread(yard.platform.kill_part, "executor")
    await until(lambda: _adopted(yard.platform) == size.runs, "all runs are adopted", within=600)
    took = time.perf_counter() - began
    next_one = yard.platform.part("executor")
    await until(lambda: cluster.logs.held >= held, "its consoles are open again", within=600)
    opened = time.perf_counter() - began
    async with yard.connection() as fresh:  # the gateway has closed one that was silent for so long
        assert await _total(fresh, "running") == size.runs, "a run was lost"
    note = f"{held:,} consoles open"
    return [
        Figure(f"the executor's memory, {size.runs:,} runs", memory, "MiB", 300, note=f"{note}; {peak:,.0f} at most"),
        Figure(f"{size.runs:,} runs adopted after kill -9", took, "s", 20, note="from the kill, with the new start"),
        Figure("until their consoles are open again", opened, "s", note="likewise from the kill"),
        Figure("the next executor's memory at most", peak_mib(next_one), "MiB", 300),
    ]


def _adopted(platform: Platform) -> int:
    """Runs that the executor says are running; 0 while it does not answer."""
    address = platform.metrics["executor"]
    try:
        if httpx.get(f"http://{address}/readyz", trust_env=False).status_code != 200:
            return 0
        text = httpx.get(f"http://{address}/metrics", trust_env=False).text
    except httpx.HTTPError:
        return 0
    lines = text.splitlines()
    return next(int(float(line.split()[-1])) for line in lines if line.startswith('jobyard_executor_runs{state="runn'))


# --- jobs


async def _submit(connection: Connection, job: Mapping[str, Any], count: int) -> list[str]:
    ids: list[str] = []
    while len(ids) < count:
        body = {"jobs": [job] * min(_PAGE, count - len(ids))}
        answer = await connection.json("POST", "/api/v1/jobs:submit-batch", 207, body)
        assert all("id" in outcome for outcome in answer["outcomes"]), answer["outcomes"][0]
        ids += [outcome["id"] for outcome in answer["outcomes"]]
    return ids


async def _finish(connection: Connection, job: Mapping[str, Any], count: int) -> list[str]:
    ids = await _submit(connection, job, count)
    await _until_total(connection, _ON_THE_WAY, 0)
    return ids


async def _until_total(connection: Connection, statuses: str, wanted: int) -> None:
    """Only up to 10,000, since totals are exact up to there."""
    deadline = time.monotonic() + _PATIENCE_S
    while (found := await _total(connection, statuses)) != wanted:
        assert time.monotonic() < deadline, f"{found} jobs instead of {wanted} are {statuses}"
        page = await connection.json("GET", "/api/v1/jobs?status=failed,error,killed&limit=1", 200)
        assert not page["total"], f"a job did not finish: {page['jobs'][0]['reason']}"
        await asyncio.sleep(0.5)


async def _total(connection: Connection, statuses: str) -> int:
    page = await connection.json("GET", f"/api/v1/jobs?status={statuses}&limit=1", 200)
    return int(page["total"])


async def _jobs(connection: Connection, ids: list[str]) -> list[dict[str, Any]]:
    """A sample of them, the last ones included."""
    chosen = [*ids[:: max(1, len(ids) // 200)], *ids[-200:]]
    return [await connection.json("GET", f"/api/v1/jobs/{id}", 200) for id in chosen]


# --- figures


def _writes(name: str, counted: Counter[str], jobs: int, goal: float) -> Figure:
    each = ", ".join(f"{what} {count / jobs:.2f}" for what, count in sorted(counted.items()))
    return Figure(name, counted.total() / jobs, "", goal, note=f"audited: {each}; {_LATER}")


def _used(yard: Yard, cluster: SimulatedCluster) -> dict[str, float]:
    """Processor seconds so far, by who has used them."""
    plane = cluster.plane
    pids = {part: yard.platform.part(part) for part in ("nats-server", "core", "executor", "gateway")}
    pids |= {"etcd": plane.etcd.pid, "API server": plane.api_server.pid, "kube-scheduler": plane.scheduler.pid}
    pids |= {"controllers": plane.controllers.pid, "KWOK": cluster.kwok.pid}
    return {name: cpu_s(pid) for name, pid in pids.items()}


def _rates() -> str:
    return f"scheduler, controllers: {' '.join(CONTROLLERS)}; KWOK: {KWOK[1]}"


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
