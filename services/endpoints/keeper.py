"""TensorBoard after a job's end: the platform's own process shows the job's folder, started when somebody looks.

It only reads, and only within the job's own folder. A replica has few at a time; the one that was unused the longest
makes room. Each ends with this process, and soon after its endpoint.
"""

import asyncio
import re
import socket
import time
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from services.endpoints.domain.document import AFTERWARDS
from services.endpoints.store import EndpointStore
from shared.bus.bus import Bus
from shared.contracts.commands.jobs import GET, GetJob
from shared.contracts.endpoints import EndpointKind, EndpointStatus
from shared.contracts.errors import Conflict, Unavailable
from shared.parent import end_with_parent
from shared.paths import PathOutside, Roots
from shared.streams.client import RunAt, Streams

log = structlog.get_logger()

AT_ONCE = 4
UNUSED_S = 600.0
SWEEP_S = 5.0
START_S = 60.0
STOP_S = 3.0
FOLDER = "tensorboard"
_LISTENS = re.compile(rb"at http://127\.0\.0\.1:(\d+)/")


@dataclass
class _Board:
    process: Process
    port: int
    reading: asyncio.Task[None]
    used: float = field(default_factory=time.monotonic)


class Keeper:
    """Dials like `Streams`, and into the platform's own processes where the run is over."""

    def __init__(
        self, streams: Streams, store: EndpointStore, bus: Bus, roots: Roots, python: str, timeout_s: float
    ) -> None:
        self._streams = streams
        self._store = store
        self._bus = bus
        self._roots = roots
        self._python = python
        self._timeout_s = timeout_s
        self._boards: dict[str, _Board] = {}
        self._starting = asyncio.Lock()

    async def dial(self, run: RunAt, port: int) -> socket.socket:
        """A connection, which does not block. Raises Refusals."""
        if run.attempt != AFTERWARDS.attempt:
            return await self._streams.dial(run, port)
        board = await self._board(run.job_id)
        board.used = time.monotonic()
        connection = socket.socket()
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", board.port))
        except OSError as error:
            connection.close()
            raise Unavailable("TensorBoard has just ended. Try again.") from error
        return connection

    async def run(self) -> None:
        """End what nobody uses, and what is closed, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            for job_id, board in list(self._boards.items()):
                unused = time.monotonic() - board.used > UNUSED_S
                if unused or board.process.returncode is not None or not await self._is_kept(job_id):
                    await self._end(job_id)

    async def stop(self) -> None:
        """End all of them."""
        for job_id in list(self._boards):
            await self._end(job_id)

    async def _is_kept(self, job_id: str) -> bool:
        endpoint = await self._store.get(job_id, EndpointKind.TENSORBOARD)
        return endpoint is not None and endpoint.status is EndpointStatus.READY and endpoint.run == AFTERWARDS

    async def _board(self, job_id: str) -> _Board:
        async with self._starting:
            board = self._boards.get(job_id)
            if board is not None and board.process.returncode is None:
                return board
            if len(self._boards) >= AT_ONCE:
                await self._end(min(self._boards, key=lambda id: self._boards[id].used))
            self._boards[job_id] = board = await self._started(job_id)
            return board

    async def _started(self, job_id: str) -> _Board:
        folder = await self._folder(job_id)
        words = ("-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1", "--port", "0")
        process = await asyncio.create_subprocess_exec(
            self._python,
            *words,
            "--path_prefix",
            f"/endpoints/{job_id}/{FOLDER}",
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            preexec_fn=end_with_parent,
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(START_S):
                port = await _port_said(process.stderr)
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if port is None:
            await process.wait()
            raise Conflict("TensorBoard does not start here. An operator can install it: `pip install tensorboard`.")
        return _Board(process, port, asyncio.ensure_future(_drain(process.stderr)))

    async def _folder(self, job_id: str) -> Path:
        job = await self._bus.ask(GET, GetJob(id=job_id), self._timeout_s)
        try:
            own = self._roots.resolve(job.job_path or f"jobs/{job_id}")
            folder = self._roots.resolve(str(own / FOLDER))
        except PathOutside as outside:
            raise Conflict(str(outside)) from outside
        if own not in folder.parents:
            raise Conflict("The folder `tensorboard` of this job leads out of the job's own. It is not shown.")
        return folder

    async def _end(self, job_id: str) -> None:
        board = self._boards.pop(job_id)
        with suppress(ProcessLookupError):
            board.process.terminate()
        try:
            await asyncio.wait_for(board.process.wait(), STOP_S)
        except TimeoutError:
            board.process.kill()
            await board.process.wait()
        board.reading.cancel()
        log.info("tensorboard_ended", job_id=job_id)


async def _port_said(output: asyncio.StreamReader) -> int | None:
    """Where it says that it listens; None if it ends instead."""
    async for line in output:
        found = _LISTENS.search(line)
        if found is not None:
            return int(found[1])
    return None


async def _drain(output: asyncio.StreamReader) -> None:
    while await output.read(65_536):
        pass
