"""A MongoDB-wire server for tests: the one the environment names, a container, a `mongod`, or `secantusdb` from PyPI.

`mongo_url` gives whichever there is; `MongoServer` is one that a test may kill and start again on the same data.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pymongo
from pymongo.errors import OperationFailure, PyMongoError

from tests.support.ports import free_port
from tests.support.startable import Startable

START_S = 60.0
IMAGE = "mongo"


@contextlib.contextmanager
def mongo_url() -> Iterator[str]:
    """The URL of a server that lasts as long as the context; databases on it are the test's own to name and drop."""
    given = os.environ.get("JOBYARD_TEST_MONGO_URL")
    if given:
        yield given
        return
    image = _local_image()
    with _container(image) if image else MongoServer() as server:
        yield server.url


class MongoServer(Startable):
    """One server process on a free port: `mongod` from the PATH, else `secantusd-py`; its data is durable.

    `stop()` removes the data.
    """

    def __init__(self, host: str = "127.0.0.1") -> None:
        """`host`: the address to listen on."""
        self.folder = Path(tempfile.mkdtemp(prefix="jobyard-mongo-"))
        self.host = host
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mongodb://{self.host}:{self.port}/?directConnection=true"

    @property
    def log(self) -> str:
        """What the server itself has written, over all its starts."""
        path = self.folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Return when a write would be taken. Raises RuntimeError with the server's log when it does not start."""
        data = self.folder / "data"
        data.mkdir(exist_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                _command(self.host, self.port, data), stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder
            )
        deadline = time.monotonic() + START_S
        while self._process.poll() is None and time.monotonic() < deadline:
            if _is_primary(self.url):
                return
            time.sleep(0.02)
        self._end(signal.SIGKILL)
        raise RuntimeError(f"the MongoDB server did not start:\n{self.log[-4000:]}")

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does. No error when it does not run."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill it, if it still runs, and start it on the same port and data."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)
            os.waitpid(self._process.pid, os.WUNTRACED)  # the signal is on its way, and so may an answer be

    def resume(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        """End it and remove its data."""
        self._end(signal.SIGKILL)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            process.wait()


class _Container:
    """A replica set of one in a container."""

    def __init__(self, url: str) -> None:
        self.url = url


@contextlib.contextmanager
def _container(image: str) -> Iterator[_Container]:
    from testcontainers.core.container import DockerContainer

    with DockerContainer(image).with_command("--replSet rs0 --bind_ip_all").with_exposed_ports(27017) as container:
        port = container.get_exposed_port(27017)
        url = f"mongodb://{container.get_container_host_ip()}:{port}/?directConnection=true"
        deadline = time.monotonic() + START_S
        while not _is_primary(url):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the container of {image} did not become a primary")
            time.sleep(0.1)
        yield _Container(url)


def _local_image() -> str | None:
    """An image of MongoDB that the Docker engine already has; None if there is no engine. Nothing is downloaded."""
    if not _engine_answers():
        return None
    from testcontainers.core.docker_client import DockerClient

    with contextlib.closing(DockerClient().client) as client:
        tags: list[str] = [tag for image in client.images.list(name=IMAGE) for tag in image.tags]
    return min(tags, default=None)


def _engine_answers() -> bool:
    """Asked before the client is, which leaves a socket behind when nobody answers."""
    kind, _, path = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock").partition("://")
    with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
        if kind == "unix":
            probe.connect(path)
        return True
    return False


def _command(host: str, port: int, data: Path) -> list[str]:
    where = str(data)
    mongod = shutil.which("mongod")
    if mongod is not None:
        return [mongod, "--replSet", "rs0", "--bind_ip", host, "--port", str(port), "--dbpath", where]
    beside = Path(sys.executable).with_name("secantusd-py")
    found = str(beside) if beside.exists() else shutil.which("secantusd-py")
    if found is None:
        raise RuntimeError("no MongoDB: install the package secantusdb, or put a mongod on the PATH")
    return [found, "--host", host, "--port", str(port), "--storage-path", where, "--sync-on-commit"]


def _is_primary(url: str) -> bool:
    """A fresh replica set is told to begin; one that has begun needs a moment for its election."""
    with pymongo.MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=500, connectTimeoutMS=500) as client:
        try:
            hello = client.admin.command("hello")
            if hello.get("isreplicaset"):
                _begin_replica_set(client)
                return False
        except PyMongoError:
            return False
        return bool(hello.get("isWritablePrimary"))


def _begin_replica_set(client: "pymongo.MongoClient[dict[str, Any]]") -> None:
    members = {"_id": "rs0", "members": [{"_id": 0, "host": "127.0.0.1:27017"}]}
    with contextlib.suppress(OperationFailure):
        if client.address is not None and client.address[1] != 27017:
            members["members"] = [{"_id": 0, "host": f"{client.address[0]}:{client.address[1]}"}]
        client.admin.command("replSetInitiate", members)
