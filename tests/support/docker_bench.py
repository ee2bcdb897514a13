"""The backend `docker` for the tests, on the tests' own engine: as somebody whom this machine does not know."""

import os
from pathlib import Path

from services.executor.backends.docker.backend import DockerBackend, KindOf
from services.executor.backends.docker.containers import Limits
from services.executor.backends.docker.names import HOME, home_id_of, name_of
from services.executor.backends.docker.users import User, Users
from services.executor.domain.container_devices import withheld
from tests.support.docker import IMAGE, docker, engine
from tests.support.executor_backend import Bench

BROUGHT = frozenset({"HOSTNAME", "HOME", *withheld(None)})
"""What the engine adds to every environment, and what a container is told of devices."""
SOMEBODY = User(1000, 1000)
"""Whose runs are in containers."""
LIMITS = Limits(memory_mib=1024)


class DockerBench(Bench):
    """Runs are `SOMEBODY`'s, who may write into the folder. `host`: what is between the backend and the engine."""

    def __init__(
        self,
        home: Path,
        folder: Path,
        image: str | None = IMAGE,
        network: str = "bridge",
        limits: Limits = LIMITS,
        host: str = "",
        kind_of: KindOf = lambda order: None,
        registries: tuple[str, ...] = (),
    ) -> None:
        os.chown(folder, SOMEBODY.uid, SOMEBODY.gid)
        host = host or engine()
        users = Users({"*": SOMEBODY}, User(os.geteuid(), os.getegid()))

        def made() -> DockerBackend:
            return DockerBackend(home, host, users, limits, image, network, kind_of, registries)

        super().__init__(made, folder, BROUGHT, many=8)
        self.home = home

    @property
    def label(self) -> str:
        """What its containers and networks are found by."""
        return f"{HOME}={home_id_of(self.home)}"

    def container(self, run_id: str) -> str:
        """Its name."""
        return name_of(home_id_of(self.home), run_id)

    def base(self, run_id: str) -> Path:
        """What the names of the run's files on the machine begin with."""
        return self.home / "runs" / run_id


def clear_containers(home: Path) -> None:
    """Leave no container of this home behind, and no network: an engine has addresses for some thirty."""
    own = ("--quiet", "--filter", f"label={HOME}={home_id_of(home)}")
    containers = docker("ps", "--all", *own).split()
    if containers:
        docker("rm", "--force", "--volumes", *containers)
    networks = docker("network", "ls", *own).split()
    if networks:
        docker("network", "rm", *networks)
