"""The backends that the contract suites are run against, each opened on a home of its own."""

import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from services.executor.backends.docker.backend import DockerBackend, KindOf
from services.executor.backends.docker.containers import Limits
from services.executor.backends.docker.names import HOME, home_id_of
from services.executor.backends.docker.users import User, Users
from services.executor.backends.process.backend import ProcessBackend
from services.executor.backends.process.usage.groups import Groups, mounted
from services.executor.domain.container_devices import withheld
from shared.ids import new_id
from tests.support.docker import IMAGE, docker, engine
from tests.support.executor_backend import Bench, ProcessHome
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import shared

BROUGHT = frozenset({"HOSTNAME", "HOME", *withheld(None)})
"""What the engine adds to every environment, and what a container is told of devices."""
SOMEBODY = User(1000, 1000)
"""Whose runs are in containers: nobody that this machine knows."""


@contextlib.asynccontextmanager
async def opened(backend: str, folder: Path) -> AsyncIterator[Bench]:
    """An open backend, ended afterwards with all that it has started."""
    if backend == "kubernetes":
        async with opened_in_cluster(folder) as in_cluster:
            yield in_cluster
        return
    home, work = folder / "home", folder / "work"
    home.mkdir()
    work.mkdir()
    if backend == "docker":
        bench = docker_bench(home, work)
    else:
        bench = Bench(lambda: ProcessBackend(home, 5, Groups(home, mounted())), work)
    await bench.open()
    try:
        yield bench
    finally:
        await bench.close()
        if backend == "docker":
            clear_containers(home)
        bench.end_everything()
        ProcessHome(home).kill_all()


@contextlib.asynccontextmanager
async def opened_in_cluster(folder: Path, **settings: Any) -> AsyncIterator[KubernetesBench]:
    """The same for the backend `kubernetes`, with a namespace of its own."""
    bench = KubernetesBench(shared(), folder / "home", folder / "work", new_id()[-10:].lower(), **settings)
    await bench.prepare()
    await bench.open()
    try:
        yield bench
    finally:
        await bench.close()
        await bench.clear()
        bench.end_everything()


LIMITS = Limits(memory_mib=1024)


def docker_bench(
    home: Path,
    work: Path,
    image: str | None = IMAGE,
    network: str = "bridge",
    limits: Limits = LIMITS,
    host: str = "",
    kind_of: KindOf = lambda order: None,
    registries: tuple[str, ...] = (),
) -> Bench:
    """Runs are `SOMEBODY`'s, who may write into the folder. `host`: what is between the backend and the engine."""
    os.chown(work, SOMEBODY.uid, SOMEBODY.gid)
    host = host or engine()
    users = Users({"*": SOMEBODY}, User(os.geteuid(), os.getegid()))

    def made() -> DockerBackend:
        return DockerBackend(home, host, users, limits, image, network, kind_of, registries)

    return Bench(made, work, BROUGHT, many=8)


def clear_containers(home: Path) -> None:
    """Leave no container of this home behind, and no network: an engine has addresses for some thirty."""
    own = ("--quiet", "--filter", f"label={HOME}={home_id_of(home)}")
    containers = docker("ps", "--all", *own).split()
    if containers:
        docker("rm", "--force", "--volumes", *containers)
    networks = docker("network", "ls", *own).split()
    if networks:
        docker("network", "rm", *networks)
