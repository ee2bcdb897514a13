"""Every service as its own process on a MongoDB-wire server, as an operator would run them."""

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx

from tests.support.mongo import MongoServer
from tests.support.nats import NatsServer
from tests.support.platform import CHECKOUT, Platform
from tests.support.waiting import wait_until

SERVICES = ("jobs", "scheduler", "executor", "logs", "notify", "gateway")


class SeparateServices(Platform):
    """Its parts are named by their service; each can be killed and started alone."""

    def __init__(self, data: Path, nats: NatsServer, mongo: MongoServer) -> None:
        super().__init__(data)
        self.nats = nats
        self.mongo = mongo
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._settings = self._environment | {
            "JOBYARD_DATA": str(data),
            "JOBYARD_PORT": str(self.port),
            "JOBYARD_NATS_URL": nats.url,
            "JOBYARD_MONGO_URL": mongo.url,
        }

    def start(self, within: float = 90.0) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        for service in SERVICES:
            self.start_service(service)
        wait_until(self.is_ready, "every service is ready", within)

    def start_service(self, service: str) -> None:
        with self.log.open("ab") as log:
            self.processes[service] = subprocess.Popen(
                [sys.executable, "-m", f"services.{service}"],
                cwd=CHECKOUT,
                env=self._settings,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def kill_service(self, service: str) -> None:
        process = self.processes.pop(service)
        process.kill()
        process.wait()

    def is_ready(self) -> bool:
        dead = {name: process.returncode for name, process in self.processes.items() if process.poll() is not None}
        assert not dead, f"{dead}\n{self.output()[-6000:]}"
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        for process in self.processes.values():
            process.terminate()
        for process in self.processes.values():
            process.wait(20)
        self.http.close()


@contextmanager
def separate_services() -> Iterator[SeparateServices]:
    """All services, ready, on servers of their own."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="jobyard-"))
        nats = stack.enter_context(NatsServer())
        mongo = stack.enter_context(MongoServer())
        running = SeparateServices(Path(folder) / "data", nats, mongo)
        try:
            running.start()
            yield running
        finally:
            running.close()
