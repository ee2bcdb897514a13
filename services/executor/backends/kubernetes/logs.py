"""Copies a pod's log into the run's file of frames, from where that ends, until the pod has nothing more to say.

The file is the position: its last frame says which line was stored last, so whoever continues, in this process or the
next one, loses nothing and stores nothing twice. A container has one log; both its streams count as its output.
"""

import asyncio
import errno
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import structlog

from services.executor.backends.frames import HEADER, LOSS, LOST, STDERR, STDOUT, frame
from services.executor.backends.kubernetes.api import Api, ApiError, ClusterAway
from services.executor.backends.masking import Mask
from services.executor.domain import pod_names as names
from services.executor.domain.pod_log import LogLine, Position, Resumption, parse

log = structlog.get_logger()

_AGAIN_S = 0.5
_FULL_DISK_S = 2.0
_READ_BYTES = 1 << 16


class OutputFile:
    """The run's frames on disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.position, self.size = _end_of(path)

    def append(self, frames: bytes) -> None:
        """All of it or nothing. Raises OSError when the disk is full."""
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            written = os.pwrite(file, frames, self.size)
            if written != len(frames):
                os.ftruncate(file, self.size)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self.size += written
        finally:
            os.close(file)


def add_sentence(path: Path, time_ns: int, sentence: str) -> int:
    """What the platform says at the end of the output, once; the size of the file then. Raises OSError."""
    file = OutputFile(path)
    said = frame(STDERR, time_ns, f"{sentence}\n".encode())
    data = path.read_bytes()[-len(said) :] if file.size else b""
    if data != said:
        file.append(said)
    return file.size


class PodLog:
    """One pod's log on its way to disk. `wrote` is called when there is more of it."""

    def __init__(self, api: Api, pod_path: str, path: Path, hidden: Sequence[str], wrote: Callable[[], None]) -> None:
        self._api = api
        self._pod_path = pod_path
        self._path = path
        self._mask = Mask(hidden) if hidden else None
        self._wrote = wrote
        self._file: OutputFile | None = None
        self._position = Position()

    async def follow(self) -> None:
        """Until cancelled, or the log has ended."""
        while True:
            try:
                await self._copy(follow=True)
                return
            except ClusterAway as error:
                log.info("pod_log_away", error=str(error))
            except ApiError as error:
                log.info("pod_log_refused", error=str(error))
                if error.status == 404:
                    return
            await asyncio.sleep(_AGAIN_S)

    async def finish(self) -> int:
        """What there is beyond what is stored, of a container that has ended; the size of the file then.

        Raises ClusterAway when the cluster cannot be asked now.
        """
        try:
            await self._copy(follow=False)
        except ApiError as error:  # the node has removed the log, or is gone itself
            log.warning("pod_log_incomplete", error=str(error))
        file = await self._opened()
        if self._mask is not None and (rest := self._mask.flush()):
            await self._append(file, frame(STDOUT, self._position.time_ns, rest))
        return file.size

    async def _copy(self, follow: bool) -> None:
        file = await self._opened()
        query: dict[str, str | int | bool] = {"container": names.CONTAINER, "timestamps": True, "follow": follow}
        if self._position.since is not None:
            query["sinceTime"] = self._position.since
        resumption = Resumption(self._position)
        async with self._api.lines(f"{self._pod_path}/log", query) as answer:
            rest = b""
            while data := await answer.read(_READ_BYTES):
                *lines, rest = (rest + data).split(b"\n")
                await self._store(file, [resumption.take(line) for line in _parsed(lines, b"\n")])
            await self._store(file, [resumption.take(line) for line in _parsed([rest] if rest else [], b"")])
            await self._store(file, [resumption.settle()])

    async def _store(self, file: OutputFile, pieces: Sequence[tuple[list[LogLine], bool]]) -> None:
        frames = []
        for lines, lost in pieces:
            if lost:
                frames.append(frame(STDOUT | LOST, lines[0].time_ns, LOSS.pack(1, 0)))
            for line in lines:
                self._position = self._position.after(line.time_ns)
                data = line.data if self._mask is None else self._mask.feed(line.data)
                if data:
                    frames.append(frame(STDOUT, line.time_ns, data))
        if frames:
            await self._append(file, b"".join(frames))
            self._wrote()

    async def _append(self, file: OutputFile, frames: bytes) -> None:
        """The cluster keeps what this disk has no room for now."""
        while True:
            try:
                file.append(frames)
                return
            except OSError as error:
                log.warning("output_not_stored", error=str(error))
                await asyncio.sleep(_FULL_DISK_S)

    async def _opened(self) -> OutputFile:
        if self._file is None:
            self._file = await asyncio.to_thread(OutputFile, self._path)
            self._position = self._file.position
        return self._file


def _parsed(raw: Sequence[bytes], end: bytes) -> Iterator[LogLine]:
    """Without what the kubelet puts among the lines when it fails."""
    for line in raw:
        try:
            yield parse(line + end)
        except ValueError:
            log.info("pod_log_line_unreadable", line=line[:200].decode(errors="replace"))


def _end_of(path: Path) -> tuple[Position, int]:
    """The position that the whole frames lead to, and their size; what follows them was not written whole."""
    position, size = Position(), 0
    try:
        total = path.stat().st_size
        with path.open("rb") as file:
            while size + HEADER.size <= total:
                file.seek(size)
                kind, time_ns, length = HEADER.unpack(file.read(HEADER.size))
                if size + HEADER.size + length > total:
                    break
                size += HEADER.size + length
                if kind == STDOUT:
                    position = position.after(time_ns)
    except FileNotFoundError:
        pass
    return position, size
