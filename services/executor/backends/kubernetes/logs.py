"""Copies a pod's log into the run's file of frames, from where that ends, until the pod has nothing more to say.

The file is the position: its last frames say how far the log is stored, so whoever continues, in this process or the
next one, loses nothing and stores nothing twice. A container has one log; both its streams count as its output.

Disk and parsing are a thread's affair. What is read waits for what was read before to be stored, so no more than a
few pieces of a log are in memory, however fast a job prints, and however full the disk is. The end of a container does
not wait for room. Of an output that has grown to its bound no more is read until its container has ended, and then its
end is kept.
"""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

import aiohttp
import structlog

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.output_file import OutputFile
from services.executor.backends.kubernetes.reading import LogReading
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway
from services.executor.backends.kubernetes.room import Room
from services.executor.backends.kubernetes.tail import Tail
from services.executor.domain import pod_names as names
from services.executor.domain.folder_errors import is_full

log = structlog.get_logger()

T = TypeVar("T")

_AGAIN_S = (0.5, 1.0, 2.0, 5.0)
_FULL_DISK_S = 2.0
_READ_BYTES = 1 << 16
_NOT_FOUND = 404
"""Also from a kubelet that has just started and does not know its pods yet."""
_SETTLE_S = 2.0
"""A log that has come to its end for so long has nothing more from before."""
_SILENCE_S = 900.0
"""A job that prints nothing is no sign of a broken connection. To ask for each quiet log anew more often would be, for
ten thousand of them, a hundred requests a second."""
_STALLED_S = 10.0
"""A reader to whom nothing comes for so long, of a container that has ended, has lost its connection."""
BOUNDED = "Only the first {mib} MiB of the output and its end are kept: the run prints more than that."


class LogMissing(Exception):
    """The node has no log of the container any more, or cannot give it."""


class NoRoom(Exception):
    """This disk does not take the rest of a log whose container has ended."""


class PodLog:
    """One pod's log on its way to disk. `wrote` is called when there is more of it."""

    def __init__(
        self, api: Api, pod_path: str, path: Path, room: Room, hidden: Sequence[str], wrote: Callable[[], None]
    ) -> None:
        self._api = api
        self._pod_path = pod_path
        self._path = path
        self._room = room
        self._hidden = hidden
        self._wrote = wrote
        self._file: OutputFile | None = None
        self._whole = False
        """It came to its end when it was followed, and has not gone on since."""
        self._ended = asyncio.Event()
        self._follower: asyncio.Task[None] | None = None

    def follow(self, name: str) -> "asyncio.Task[None]":
        """Copy it from now on. A log that ends while its container lives was cut off, and is read on."""
        if self._follower is None:
            self._follower = asyncio.get_running_loop().create_task(self._follow(), name=name)
        return self._follower

    async def finish(self) -> None:
        """All that a container that has ended wrote is stored, or the beginning and the end of it.

        Raises ClusterAway when it cannot be asked for now, LogMissing when there is none, NoRoom.
        """
        self._ended.set()
        await self._drained()
        try:
            reading = await self._copy(follow=False)
        except ApiError as error:
            if not self._whole:
                raise (ClusterAway if error.status == _NOT_FOUND else LogMissing)(str(error)) from error
        except OSError as error:
            if not is_full(error):
                raise
            raise NoRoom(str(error)) from error
        else:
            if reading.unreadable and not self._whole:  # a node removes the containers of a deleted pod at once
                raise LogMissing("the node said something else in place of it")

    async def give_up(self) -> OutputFile:
        """Read no more of it: the file of what is stored."""
        self._ended.set()
        if self._follower is not None:
            self._follower.cancel()
            await asyncio.wait((self._follower,))
        return await self._opened()

    async def _follow(self) -> None:
        failures = 0
        while not self._ended.is_set():
            before, came_to_its_end = self._stored, False
            try:
                came_to_its_end = not (await self._copy(follow=True)).unreadable
            except ClusterAway as error:
                log.info("pod_log_away", error=str(error))
            except ApiError as error:
                log.info("pod_log_refused", error=str(error))
            except OSError as error:
                log.warning("output_not_read", path=str(self._path), error=str(error))
            more = self._stored > before
            self._whole = not self._full and (came_to_its_end or (self._whole and not more))
            if self._full:
                return
            failures = 0 if more else failures + 1
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_AGAIN_S[min(failures, len(_AGAIN_S) - 1)]):
                    await self._ended.wait()

    async def _drained(self) -> None:
        """Whoever follows a log across its rotation has what a new request is not given: let it come to its end."""
        while self._follower is not None and not self._follower.done():
            before = (await self._opened()).size
            await asyncio.wait((self._follower,), timeout=_STALLED_S)
            if (await self._opened()).size == before:
                self._follower.cancel()
                await asyncio.wait((self._follower,))

    async def _copy(self, follow: bool) -> LogReading:
        file = await self._opened()
        query: dict[str, str | int | bool] = {"container": names.CONTAINER, "timestamps": True, "follow": follow}
        if file.position.since is not None:
            query["sinceTime"] = file.position.since
        reading, tail = LogReading(file.position, self._hidden), Tail()
        if not (follow and file.full):
            async with self._api.lines(f"{self._pod_path}/log", query, _SILENCE_S) as answer:
                while (data := await _read(answer, reading.waits)) is None or data:
                    await self._take(file, tail, partial(reading.feed, data) if data else reading.settle)
                    if follow and file.full:
                        break
        if not follow:
            await self._take(file, tail, reading.end)
        if file.full:
            sentence = BOUNDED.format(mib=self._room.run_bytes >> 20)
            await _in_thread(partial(file.add_sentence, file.position.time_ns, sentence))
            await self._store(file, tail.frames())
        return reading

    async def _take(self, file: OutputFile, tail: Tail, make: Callable[[], bytes]) -> None:
        """As the beginning of the output, or as its end."""
        frames = await _in_thread(make)
        if file.full:
            tail.take(frames)
        else:
            await self._store(file, frames)

    async def _store(self, file: OutputFile, frames: bytes) -> None:
        """The cluster keeps what this disk has no room for now. Raises OSError once the container has ended."""
        waits = False
        while frames:
            try:
                await _in_thread(partial(file.append, frames))
                self._wrote()
                break
            except OSError as error:
                if self._ended.is_set():
                    raise
                if not waits:
                    log.warning("output_not_stored", path=str(self._path), error=str(error))
                waits = True
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_FULL_DISK_S):
                    await self._ended.wait()

    @property
    def _full(self) -> bool:
        """Whether it has grown to its bound, as far as is known."""
        return self._file is not None and self._file.full

    @property
    def _stored(self) -> int:
        """How many bytes of it are known to be stored."""
        return self._file.size if self._file is not None else 0

    async def _opened(self) -> OutputFile:
        if self._file is None:
            self._file = await _in_thread(partial(OutputFile, self._path, self._room))
        return self._file


async def _read(answer: aiohttp.StreamReader, waits: bool) -> bytes | None:
    """What has come; nothing at the end; None: something waits for what comes, and nothing comes."""
    try:
        async with asyncio.timeout(_SETTLE_S if waits else None):
            return await answer.read(_READ_BYTES)
    except TimeoutError:
        if not waits:
            raise
        return None


async def _in_thread(work: Callable[[], T]) -> T:
    """Whoever is cancelled meanwhile leaves when the work is done, so that nobody else finds it half done."""
    task = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        raise
