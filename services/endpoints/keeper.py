"""TensorBoard after a job's end: the platform's own process shows the job's folder, started when somebody looks.

It only reads, and only the event files of the job's own folder: they are put on a shelf for it (`shelf.py`), which is
filled anew every few seconds. A replica has few at a time, and few of one owner; the one that was unused the longest
makes room (`domain/boards.py`). Each ends with this process, and soon after its endpoint.
"""

import asyncio
import resource
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from weakref import WeakValueDictionary

import structlog

from services.endpoints.board import Board
from services.endpoints.domain.boards import Shown, makes_room
from services.endpoints.domain.document import AFTERWARDS
from services.endpoints.domain.room import event_files
from services.endpoints.shelf import Shelf, TooMany
from services.endpoints.store import EndpointStore
from shared.bus.bus import Bus
from shared.contracts.commands.jobs import GET, GetJob
from shared.contracts.endpoints import EndpointKind, EndpointStatus
from shared.contracts.errors import Conflict, Unavailable
from shared.contracts.job import Job
from shared.paths import PathOutside, Roots
from shared.streams.client import RunAt, Streams

log = structlog.get_logger()

UNUSED_S = 600.0
SWEEP_S = 5.0
FOLDER = "tensorboard"


@dataclass
class _Kept:
    """A board, whose job it is of, and what it reads."""

    board: Board
    owner: str
    shelf: Shelf
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
        self._boards: dict[str, _Kept] = {}
        self._starting: dict[str, str] = {}
        """Jobs whose board is being started, and their owners."""
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One for each job: whoever looks at another does not wait."""

    async def dial(self, run: RunAt, port: int) -> socket.socket:
        """A connection, which does not block. Raises Refusals."""
        if run.attempt != AFTERWARDS.attempt:
            return await self._streams.dial(run, port)
        kept = self._running(run.job_id) or await self._kept(run.job_id)
        kept.used = time.monotonic()
        connection = socket.socket()
        connection.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", kept.board.port))
        except OSError as error:
            connection.close()
            raise Unavailable("TensorBoard has just ended. Try again.") from error
        return connection

    async def run(self) -> None:
        """End what nobody uses, and what is closed, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            for job_id, kept in list(self._boards.items()):
                unused = time.monotonic() - kept.used > UNUSED_S
                over = unused or kept.board.ended or not await self._is_kept(job_id)
                if over or not await self._filled(job_id, kept.shelf):
                    await self._end(job_id)

    async def stop(self) -> None:
        """End all of them."""
        for job_id in list(self._boards):
            await self._end(job_id)

    async def _is_kept(self, job_id: str) -> bool:
        endpoint = await self._store.get(job_id, EndpointKind.TENSORBOARD)
        return endpoint is not None and endpoint.status is EndpointStatus.READY and endpoint.run == AFTERWARDS

    async def _filled(self, job_id: str, shelf: Shelf) -> bool:
        try:
            await asyncio.to_thread(shelf.fill)
        except (TooMany, OSError) as error:
            log.warning("tensorboard_not_shown", job_id=job_id, why=str(error))
            return False
        return True

    def _running(self, job_id: str) -> _Kept | None:
        kept = self._boards.get(job_id)
        return kept if kept is not None and not kept.board.ended else None

    async def _kept(self, job_id: str) -> _Kept:
        async with self._turns.setdefault(job_id, asyncio.Lock()):
            running = self._running(job_id)
            if running is not None:
                return running
            job = await self._bus.ask(GET, GetJob(id=job_id), self._timeout_s)
            folder = await asyncio.to_thread(self._folder, job)  # its storage may be slow to answer
            ending = makes_room(self._shown(job_id), job.owner)
            if ending is None:
                raise Unavailable("Other TensorBoards are being started here. Try again in a moment.")
            self._starting[job_id] = job.owner
            try:
                for one in (*ending, job_id):
                    await self._end(one)
                self._boards[job_id] = kept = await self._started(job, folder)
            finally:
                del self._starting[job_id]
            return kept

    def _shown(self, job_id: str) -> dict[str, Shown]:
        """All but this job's."""
        shown = {id: Shown(kept.owner, kept.used) for id, kept in self._boards.items()}
        shown |= {id: Shown(owner, None) for id, owner in self._starting.items()}
        shown.pop(job_id, None)
        return shown

    async def _started(self, job: Job, folder: Path) -> _Kept:
        most = event_files(resource.getrlimit(resource.RLIMIT_NOFILE)[0])
        shelf = await asyncio.to_thread(Shelf, folder, most)
        try:
            left_out = await asyncio.to_thread(shelf.fill)
            board = await Board.start(self._python, shelf.files, shelf.home, f"/endpoints/{job.id}/{FOLDER}")
        except BaseException as error:
            await asyncio.to_thread(shelf.clear)
            if isinstance(error, TooMany):
                raise Conflict(str(error)) from error
            raise
        if left_out:
            log.warning("event_files_left_out", job_id=job.id, files=left_out, most=most)
        return _Kept(board, job.owner, shelf)

    def _folder(self, job: Job) -> Path:
        """What TensorBoard shows. Raises Conflict when that leads out of the job's own."""
        try:
            own = self._roots.resolve(job.job_path or f"jobs/{job.id}")
            folder = self._roots.resolve(str(own / FOLDER))
        except PathOutside as outside:
            raise Conflict(str(outside)) from outside
        if not folder.is_relative_to(own):
            raise Conflict(f"The folder `{FOLDER}` of this job leads out of the job's own. It is not shown.")
        return folder

    async def _end(self, job_id: str) -> None:
        kept = self._boards.pop(job_id, None)
        if kept is not None:
            await kept.board.end()
            await asyncio.to_thread(kept.shelf.clear)
            log.info("tensorboard_ended", job_id=job_id)
