"""The executor's side of the spawner: finds one that lives or starts one, and hands it every order at least once."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import structlog

from services.executor.backends.process import spawner
from services.executor.backends.standing import Standing

log = structlog.get_logger()

ROOT = Path(__file__).parents[4]
"""The folder that holds the package `services`."""

_START = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from services.executor.backends.process.spawner import main; main()"
)
_RETRY_S = (0.01, 0.05, 0.2, 0.5, 1.0, 2.0)
_LINE_BYTES = 1 << 24


class SpawnerClient:
    """A connection that is kept: while the executor lives, so does a spawner."""

    def __init__(self, home: Path, idle_s: float) -> None:
        self._home = home
        self._idle_s = idle_s
        self._version = spawner.version()
        self._pending: dict[str, dict[str, Any]] = {}
        self._writer: asyncio.StreamWriter | None = None
        self._standing = Standing()

    async def open(self) -> None:
        """Connect; return when a spawner has answered."""
        ready = asyncio.Event()
        self._standing.begin(self._keep_connected(ready))
        await self._standing.until(ready)

    async def stand(self) -> None:
        """Until cancelled. Raises WorkEnded."""
        await self._standing.stand()

    async def close(self) -> None:
        tasks = self._standing.under_way()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def launch(self, orders: Iterable[dict[str, Any]]) -> None:
        """Send these orders, now or as soon as there is a spawner again; it may get an order twice."""
        orders = list(orders)
        self._pending.update({order["run_id"]: order for order in orders})
        if self._writer is not None:
            self._send(self._writer, {"launch": orders})

    async def _keep_connected(self, ready: asyncio.Event) -> None:
        failures = 0
        while True:
            try:
                async with self._connection() as (reader, writer):
                    self._writer = writer
                    if self._pending:
                        self._send(writer, {"launch": list(self._pending.values())})
                    failures = 0
                    ready.set()
                    while line := await reader.readline():
                        self._take(json.loads(line))
            except OSError as error:
                log.info("spawner_away", error=repr(error))
            finally:
                self._writer = None
            await asyncio.sleep(_RETRY_S[min(failures, len(_RETRY_S) - 1)])
            failures += 1

    def _take(self, answer: dict[str, Any]) -> None:
        for run_id in answer["launched"]:
            self._pending.pop(run_id, None)
        for run_id, reason in answer["failed"]:  # it stays unstarted, so the reconcile loop asks again
            self._pending.pop(run_id, None)
            log.error("run_not_forked", run_id=run_id, reason=reason)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """A spawner of our own version. Raises OSError when there is none yet."""
        try:
            reader, writer = await self._connect()
        except (FileNotFoundError, ConnectionRefusedError):
            await asyncio.to_thread(self._start)
            reader, writer = await self._connect()
        try:
            self._send(writer, {"hello": self._version})
            answer = json.loads(await reader.readline() or b"{}")
            if answer.get("version") != self._version:
                self._send(writer, {"retire": True})
                await reader.read()
                raise ConnectionResetError("the spawner was of another version")
            log.info("spawner_connected", spawner_pid=answer["pid"])
            yield reader, writer
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Through the folder's descriptor: the path of a socket may not be longer than 107 bytes."""
        folder = os.open(self._home, os.O_PATH | os.O_CLOEXEC)
        try:
            path = f"/proc/self/fd/{folder}/{spawner.SOCKET}"
            return await asyncio.open_unix_connection(path, limit=_LINE_BYTES)
        finally:
            os.close(folder)

    def _start(self) -> None:
        """Start one; it returns when it serves its socket, or finds another that does."""
        command = [sys.executable, "-I", "-S", "-c", _START, str(ROOT), str(self._home.resolve()), str(self._idle_s)]
        with (self._home / "spawner.log").open("ab") as errors:
            done = subprocess.run(
                command,
                env={"LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
                check=False,
            )
        if done.returncode not in (0, spawner.IN_USE):
            log.error("spawner_failed", exit_code=done.returncode, log=str(self._home / "spawner.log"))

    @staticmethod
    def _send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
        writer.write(json.dumps(message).encode() + b"\n")
