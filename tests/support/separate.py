"""Every service as its own process on a MongoDB-wire server, as an operator would run them, also several of a kind."""

import itertools
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pymongo

from tests.support.accounts import AccountsServer
from tests.support.mongo import MongoServer
from tests.support.nats import NatsServer
from tests.support.platform import CHECKOUT, Platform
from tests.support.ports import free_port
from tests.support.waiting import wait_until

SERVICES = ("jobs", "scheduler", "executor", "logs", "metrics", "notify", "endpoints", "gateway")
REPLICATED = (*SERVICES, *(f"{service}-2" for service in SERVICES))


class SeparateServices(Platform):
    """Its parts are named by their service (a second one `jobs-2`); each can be killed and started alone."""

    def __init__(
        self,
        data: Path,
        nats: NatsServer,
        mongo: MongoServer,
        names: tuple[str, ...] = SERVICES,
        environment: dict[str, str] | None = None,
    ) -> None:
        """`environment` may point services elsewhere, at a proxy for instance.

        A second executor is a second node on this machine: a name, and a data folder beside the same storage. A
        second log service has a folder of its own.
        """
        self.nats = nats
        self.mongo = mongo
        settings = {"JOBYARD_DATA": str(data), "JOBYARD_NATS_URL": nats.url, "JOBYARD_MONGO_URL": mongo.url}
        super().__init__(data, environment=settings | (environment or {}))
        self._environment.setdefault("JOBYARD_ENDPOINTS_PUBLIC_URL", self.door_url)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._names = names
        self._gateways = {
            name: self.http if name == "gateway" else httpx.Client(base_url=_free_url(), timeout=30, trust_env=False)
            for name in names
            if name.startswith("gateway")
        }
        self._health = {name: free_port() for name in names}
        self.metrics = {name: f"127.0.0.1:{port}" for name, port in self._health.items()}
        self.doors = {
            name: (self.door_port, self.ssh_port) if name == "endpoints" else (free_port(), free_port())
            for name in names
            if name.startswith("endpoints")
        }
        self._turns = itertools.count()

    @property
    def nats_url(self) -> str:
        return self.nats.url

    @property
    def ports(self) -> list[int]:
        """Of every gateway."""
        return [int(gateway.base_url.port or 0) for gateway in self._gateways.values()]

    def start(self, within: float = 240.0) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        for name in self._names:
            self.start_service(name)
        wait_until(self.is_ready, "every service is ready", within)

    def start_service(self, name: str) -> None:
        with self.log.open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", f"services.{name.partition('-')[0]}"],
                cwd=CHECKOUT,
                env=self._environment | self._own(name),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def _own(self, name: str) -> dict[str, str]:
        """What this process alone has in its environment."""
        service, _, number = name.partition("-")
        own = {"JOBYARD_HEALTH_PORT": str(self._health[name])}
        if isinstance(self.nats, AccountsServer):
            user = service
            if service == "executor" and self.nats.nodes:
                own["JOBYARD_EXECUTOR_NODE"] = node = self.nats.nodes[int(number or 1) - 1]
                user = f"executor.{node}"
            own["JOBYARD_NATS_URL"] = self.nats.url_of(user)
        if name in self._gateways:
            own["JOBYARD_PORT"] = str(self._gateways[name].base_url.port)
        if name in self.doors:
            door, ssh = self.doors[name]
            own |= {"JOBYARD_ENDPOINTS_HTTP_PORT": str(door), "JOBYARD_ENDPOINTS_SSH_PORT": str(ssh)}
        if service == "executor" and number:
            own["JOBYARD_EXECUTOR_NODE"] = f"node-{number}"
            own["JOBYARD_DATA"] = str(self.data.with_name(name))
            own["JOBYARD_STORAGE_FOLDER"] = str(self.data / "storage")
        if service == "logs" and number:
            own["JOBYARD_LOGS_FOLDER"] = str(self.data / name)
        return own

    def restart_service(self, name: str) -> None:
        """As an operator upgrades one process: SIGTERM, then the next one, and wait until it is ready."""
        process = self.processes.pop(name)
        process.terminate()
        assert process.wait(60) == 0, self.output()[-4000:]
        self.start_service(name)
        wait_until(lambda: self.is_up(name), f"{name} is ready")

    def is_up(self, name: str) -> bool:
        """What this process itself says."""
        try:
            return httpx.get(f"http://127.0.0.1:{self._health[name]}/readyz", trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False

    def kill_service(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def signal_service(self, name: str, number: signal.Signals) -> None:
        os.kill(self.processes[name].pid, number)

    def is_ready(self) -> bool:
        dead = {name: process.returncode for name, process in self.processes.items() if process.poll() is not None}
        assert not dead, f"{dead}\n{self.output()[-6000:]}"
        try:
            ready = all(gateway.get("/readyz").status_code == 200 for gateway in self._gateways.values())
            return ready and all(self.is_up(name) for name in self.processes)
        except httpx.HTTPError:
            return False

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        """One gateway after another."""
        gateways = list(self._gateways.values())
        return gateways[next(self._turns) % len(gateways)].post(path, **arguments)

    def unrelayed(self) -> int:
        with pymongo.MongoClient[dict[str, Any]](self.mongo.url) as client:
            return client["jobyard_jobs"]["jobs"].count_documents({"pending": True})

    def close(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            for process in self.processes.values():
                process.wait(60)
        finally:
            for process in self.processes.values():
                process.kill()
            for gateway in self._gateways.values():
                gateway.close()
            self._end_runs()


def _free_url() -> str:
    return f"http://127.0.0.1:{free_port()}"


@contextmanager
def separate_services(
    names: tuple[str, ...] = SERVICES,
    mongo: MongoServer | None = None,
    nats: NatsServer | None = None,
    **environment: str,
) -> Iterator[SeparateServices]:
    """All services, ready, on servers of their own; or on servers that run already."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="jobyard-"))
        nats = nats or stack.enter_context(NatsServer())
        mongo = mongo or stack.enter_context(MongoServer())
        running = SeparateServices(Path(folder) / "data", nats, mongo, names, environment)
        try:
            running.start()
            yield running
        finally:
            running.close()
