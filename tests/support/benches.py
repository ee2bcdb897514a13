"""The backends that the contract suites are run against, each opened on a home of its own."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from services.executor.backends.process.backend import ProcessBackend
from services.executor.backends.process.usage.groups import Groups, mounted
from services.executor.backends.process.usage.hierarchies import Hierarchy
from shared.ids import new_id
from tests.support.docker_bench import DockerBench, clear_containers
from tests.support.executor_backend import Bench, ProcessHome
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import shared


@contextlib.asynccontextmanager
async def opened(backend: str, folder: Path) -> AsyncIterator[Bench]:
    """An open backend, ended afterwards with all that it has started."""
    async with OPENED[backend](folder) as bench:
        yield bench


@contextlib.asynccontextmanager
async def opened_here(folder: Path, ways: Sequence[Hierarchy] | None = None) -> AsyncIterator[Bench]:
    """The backend `process`. `ways`: the control groups that it counts by; none: those that there are."""
    home, work = _folders(folder)
    bench = Bench(lambda: ProcessBackend(home, 5, Groups(home, mounted() if ways is None else ways)), work)
    bench.home = home
    await bench.open()
    try:
        yield bench
    finally:
        await bench.close()
        bench.end_everything()
        ProcessHome(home).kill_all()


@contextlib.asynccontextmanager
async def opened_in_docker(folder: Path, **settings: Any) -> AsyncIterator[DockerBench]:
    """The backend `docker`."""
    home, work = _folders(folder)
    bench = DockerBench(home, work, **settings)
    await bench.open()
    try:
        yield bench
    finally:
        await bench.close()
        clear_containers(home)
        bench.end_everything()
        ProcessHome(home).kill_all()


@contextlib.asynccontextmanager
async def opened_in_cluster(folder: Path, **settings: Any) -> AsyncIterator[KubernetesBench]:
    """The backend `kubernetes`, with a namespace of its own."""
    bench = KubernetesBench(shared(), folder / "home", folder / "work", new_id()[-10:].lower(), **settings)
    await bench.prepare()
    await bench.open()
    try:
        yield bench
    finally:
        await bench.close()
        await bench.clear()
        bench.end_everything()


OPENED: Mapping[str, Callable[[Path], contextlib.AbstractAsyncContextManager[Bench]]] = {
    "process": opened_here,
    "docker": opened_in_docker,
    "kubernetes": opened_in_cluster,
}


def _folders(folder: Path) -> tuple[Path, Path]:
    """Of the backend itself, and for its runs."""
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    return home, work
