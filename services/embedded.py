"""`jobyard up`: the whole platform on one machine, its parts started in order, restarted when they die, and stopped.

A parent without threads or an event loop forks one child per group of services, so that the interpreter and its
libraries are loaded once and a restart is quick. nats-server is a child too; every child ends with the parent. This
is the one module that may import services.
"""

import argparse
import asyncio
import fcntl
import gc
import http.client
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from shared.embedded_nats import NatsProcess
from shared.parent import end_with_parent
from shared.ports import free_port, is_free
from shared.private_files import write_private

if TYPE_CHECKING:
    from shared.runtime import Build

STOP_S = 8.0
"""Services drain; after that they are killed, so that the whole stop takes less than 10 s."""

SSH_PORT = 2222
METRICS_PORT = 9464
"""Of the first part, the others have those that follow: where exporters usually listen."""
DOOR_SETTING, SSH_SETTING = "JOBYARD_ENDPOINTS_HTTP_PORT", "JOBYARD_ENDPOINTS_SSH_PORT"

URL_FILE = "url"
"""In the data folder, where the client looks for it."""

DOOR_S = 2.0
"""How long a door may take to answer before it is asked again."""

RESTART_WAIT_S = (0.1, 0.5, 1.0, 2.0, 5.0)
HEALTHY_S = 10.0
POLL_S = 0.02


@dataclass(frozen=True)
class Group:
    """Services that share a process: as few processes as measured to be best (docs/performance.md)."""

    name: str
    builds: tuple["Build", ...]
    loop: Literal["uvloop", "asyncio"] = "uvloop"


def groups() -> tuple[Group, ...]:
    """All services. Imported here: nats-server starts while these are loaded, once for all of the children."""
    from services.endpoints.app import build as endpoints
    from services.executor.app import build as executor
    from services.gateway.app import build as gateway
    from services.jobs.app import build as jobs
    from services.logs.app import build as logs
    from services.metrics.app import build as metrics
    from services.notify.app import build as notify
    from services.scheduler.app import build as scheduler

    return (
        Group("core", (jobs, scheduler, logs, metrics, notify)),
        Group("executor", (executor,), loop="asyncio"),
        Group("gateway", (gateway,)),
        Group("endpoints", (endpoints,)),
    )


@dataclass
class Child:
    """A part that is kept running: how to start it, and how often it died lately."""

    name: str
    spawn: Callable[[], int]
    pid: int = 0
    started: float = 0.0
    deaths: int = 0
    due: float = field(default=0.0)

    def start(self) -> None:
        self.pid = self.spawn()
        self.started = time.monotonic()

    def died(self, status: int) -> None:
        """Plan the restart: sooner after a long life, later after several short ones."""
        now = time.monotonic()
        if now - self.started > HEALTHY_S:
            self.deaths = 0
        wait = RESTART_WAIT_S[min(self.deaths, len(RESTART_WAIT_S) - 1)]
        self.deaths += 1
        self.pid, self.due = 0, now + wait
        say(f"{self.name} ended ({_ending(status)}); it starts again in {wait:g} s", to=sys.stderr)


@dataclass(frozen=True)
class Door:
    """A way into jobs, which people are told of as soon as it is open. `says` has room for the key that it shows."""

    says: str
    host: str
    port: int
    key: Callable[[str, int], str | None] | None = None

    def announced(self) -> bool:
        """Whether it is open, which has been said then."""
        try:
            socket.create_connection((self.host, self.port), DOOR_S).close()
        except OSError:
            return False
        key = self.key(self.host, self.port) if self.key is not None else ""
        if key is not None:
            say(self.says.format(key=key))
        return key is not None


def host_key(host: str, port: int) -> str | None:
    """The fingerprint that SSH clients show at this door; None while nobody says."""
    import asyncssh

    async def ask() -> asyncssh.SSHKey | None:
        async with asyncio.timeout(DOOR_S):
            return await asyncssh.get_server_host_key(host, port, config=None)

    with suppress(OSError, TimeoutError, asyncssh.Error):
        key = asyncio.run(ask())
        return key.get_fingerprint() if key is not None else None
    return None


def doors() -> list[Door]:
    """Those that there are, as the endpoints service reads its settings."""
    from services.endpoints.settings import EndpointsSettings

    settings = EndpointsSettings()
    here = "127.0.0.1" if settings.host in ("", "0.0.0.0", "::") else settings.host
    found = []
    if settings.door is not None and settings.http_port:
        found.append(Door(f"jobs in a browser at {settings.door}", here, settings.http_port))
    if settings.ssh_port:
        says = f"jobs by SSH at {settings.ssh_name}, port {settings.ssh_port}, host key {{key}}"
        found.append(Door(says, here, settings.ssh_port, host_key))
    return found


class Platform:
    """All children of one installation."""

    def __init__(self, servers: list[Child], services: list[Child], url: str, doors: list[Door]) -> None:
        self._servers = servers
        self._services = services
        self._children = servers + services
        self._url = url
        self._doors = doors
        self._stopping = False
        self._ready = False

    def run(self) -> None:
        """Start everything and keep it running until SIGTERM or Ctrl-C."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        while not self._stopping:
            self._reap()
            for child in self._children:
                if child.pid == 0 and child.due <= time.monotonic():
                    child.start()
            if not self._ready and _answers(self._url):
                self._ready = True
                say(f"ready {self._url}")
            if self._ready and self._doors:
                self._doors = [door for door in self._doors if not door.announced()]
            time.sleep(0.25 if self._ready else POLL_S)
        self._end()

    def _stop(self, number: int, frame: object) -> None:
        self._stopping = True

    def _reap(self) -> None:
        for child in self._children:
            if child.pid:
                pid, status = os.waitpid(child.pid, os.WNOHANG)
                if pid:
                    child.died(status)

    def _end(self) -> None:
        """The services first, all at once; nats-server, which they need to drain, last."""
        say("stopping; running jobs go on")
        _end_all(self._services, STOP_S)
        _end_all(self._servers, 1.0)
        say("stopped")


def _end_all(children: list[Child], seconds: float) -> None:
    alive = [child for child in children if child.pid]
    for child in alive:
        os.kill(child.pid, signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while alive and time.monotonic() < deadline:
        alive = [child for child in alive if os.waitpid(child.pid, os.WNOHANG)[0] == 0]
        time.sleep(POLL_S)
    for child in alive:
        say(f"{child.name} did not end within {seconds:g} s and was killed", to=sys.stderr)
        os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)


def _answers(url: str) -> bool:
    host, port = url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _ending(status: int) -> str:
    if os.WIFSIGNALED(status):
        return signal.Signals(os.WTERMSIG(status)).name
    return f"exit code {os.waitstatus_to_exitcode(status)}"


def fork(group: Group, metrics: int | None) -> int:
    """Start a group of services in a process of its own; its id. `metrics`: of its `/metrics`, where that is free."""
    port = open_metrics(group.name, metrics)
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        end_with_parent()
        os.setpgid(0, 0)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        os.environ |= {"JOBYARD_HEALTH_HOST": "127.0.0.1", "JOBYARD_HEALTH_PORT": str(port or "")}
        from shared.runtime import main

        main(*group.builds, loop=group.loop)
        status = 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:  # noqa: BLE001  (a child must not run the parent's code, whatever happened)
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder. Exits with 1 when another platform does."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    data.chmod(0o700)
    with (data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            say(
                f"Another platform (process {lock.read().strip()}) runs on {data}. Stop it, or choose another --data.",
                to=sys.stderr,
            )
            sys.exit(1)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        os.set_inheritable(lock.fileno(), False)
        yield


@contextmanager
def findable(data: Path, url: str) -> Iterator[None]:
    """Leave the address in the data folder for clients that are started beside it, as long as the platform runs."""
    place = data / URL_FILE
    write_private(place, f"{url}\n")
    try:
        yield
    finally:
        place.unlink(missing_ok=True)


def say(line: str, to: object = None) -> None:
    print(line, file=to or sys.stdout, flush=True)  # type: ignore[arg-type]


def options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="jobyard up", description="Run the whole platform on this machine until Ctrl-C."
    )
    parser.add_argument(
        "--port", type=int, default=int(os.environ.get("JOBYARD_PORT", "8080")), help="of the API; 0: any free one"
    )
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("JOBYARD_DATA", ".jobyard")), help="folder of all data"
    )
    parser.add_argument(
        "--door-port",
        type=int,
        help="of Jupyter, TensorBoard and the ports of jobs; 0: any free one; else the port of the API + 1",
    )
    parser.add_argument("--ssh-port", type=int, help=f"of SSH into jobs; 0: any free one; else {SSH_PORT}")
    parser.add_argument(
        "--metrics-port",
        type=int,
        default=METRICS_PORT,
        help=f"first of the ports where Prometheus reads metrics, one for each part; 0: none; else {METRICS_PORT}",
    )
    parser.add_argument("--simulate", help="devices that do not exist, not the machine's own: v100=8,ascend910=8")
    return parser.parse_args(arguments)


def check_devices(text: str) -> None:
    """Exits with 2 for what the executor would refuse: it would be started again and again, and never come."""
    from pydantic import ValidationError

    from services.executor.settings import ExecutorSettings

    try:
        ExecutorSettings.model_validate({"simulate": text})
    except ValidationError as error:
        why = error.errors()[0]["msg"].removeprefix("Value error, ")
        say(f"--simulate: {why}.", sys.stderr)
        sys.exit(2)


def open_door(what: str, option: str, chosen: int | None, usual: int, setting: str) -> None:
    """Settle where a door into jobs listens: what was chosen, else the setting, else the usual port.

    The platform goes on without a door whose port somebody else has: its setting is 0 then.
    """
    if chosen is None and setting in os.environ:
        return
    port = free_port() if chosen == 0 else usual if chosen is None else chosen
    if not is_free(port):
        say(f"Port {port} is taken, so there is no {what}. Choose another with {option}.", to=sys.stderr)
        port = 0
    os.environ[setting] = str(port)


def open_metrics(part: str, port: int | None) -> int | None:
    """This port, if it is free; the part goes on without it, and says so."""
    if port is None or is_free(port):
        return port
    say(
        f"Port {port} is taken, so Prometheus cannot read the metrics of {part}. "
        "Choose other ports with --metrics-port, or none with 0.",
        to=sys.stderr,
    )
    return None


def up(arguments: list[str]) -> None:
    """The whole life of the platform's parent process."""
    chosen = options(arguments)
    if chosen.simulate:
        check_devices(chosen.simulate)
    data = chosen.data.resolve()
    with only_one(data):
        port = chosen.port or free_port()
        if not is_free(port):
            say(f"Port {port} is taken. Choose another with --port.", to=sys.stderr)
            sys.exit(1)
        door_port = 0 if chosen.port == 0 and chosen.door_port is None else chosen.door_port
        open_door("door to Jupyter, TensorBoard and ports of jobs", "--door-port", door_port, port + 1, DOOR_SETTING)
        open_door("SSH into jobs", "--ssh-port", chosen.ssh_port, SSH_PORT, SSH_SETTING)
        os.environ["JOBYARD_DATA"] = str(data)
        os.environ["JOBYARD_PORT"] = str(port)
        os.environ.setdefault("JOBYARD_PATH_ROOTS", os.getcwd())
        # Jobs find the `python3` that has what the platform was installed with, before the system's own.
        os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        os.environ.setdefault("JOBYARD_LOG_LEVEL", "warning")
        if chosen.simulate:
            os.environ["JOBYARD_EXECUTOR_SIMULATE"] = chosen.simulate
        first = []
        if "JOBYARD_NATS_URL" not in os.environ:
            nats = NatsProcess(data / "nats")
            os.environ["JOBYARD_NATS_URL"] = nats.url
            first = [Child("nats-server", nats.start)]
            first[0].start()
        first_port = chosen.metrics_port
        metrics = {group.name: first_port + index if first_port else None for index, group in enumerate(groups())}
        services = [Child(group.name, partial(fork, group, metrics[group.name])) for group in groups()]
        if first_port:
            places = ", ".join(f"{port} ({part})" for part, port in metrics.items())
            say(f"metrics for Prometheus at http://127.0.0.1:<port>/metrics: {places}")
        gc.freeze()
        url = f"http://127.0.0.1:{port}"
        with findable(data, url):
            Platform(first, services, url, doors()).run()


if __name__ == "__main__":
    up(sys.argv[1:])
