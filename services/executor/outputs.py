"""Whole outputs: where a run's file is, and how long it stays for download once the run is over.

A run may be able to write its own file, and so to set its length and its times. What counts is the room that it takes
on the disk, and the time of its last change, which nobody can set; one that takes more than its share goes first.
"""

import asyncio
import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from services.executor.shipment import POSITION
from shared.clock import Clock

log = structlog.get_logger()

_SUFFIX = ".output"
_BLOCK = 512
"""Bytes, whatever the file system's own are."""
_SHARES = 4
"""What is kept has room for so many of the largest."""


@dataclass(frozen=True, order=True)
class _Kept:
    """One file."""

    changed: float
    bytes: int
    path: Path


class Outputs:
    """Keeps the files of finished runs in a folder of its own. `live` says where a backend writes a run's."""

    def __init__(self, folder: Path, live: Callable[[str], Path], keep_s: float, keep_bytes: int, clock: Clock) -> None:
        self._folder = folder
        self._live = live
        self._keep_s = keep_s
        self._keep_bytes = keep_bytes
        self._clock = clock

    def path(self, run_id: str) -> Path | None:
        """The run's output; none if it wrote nothing, or that is no longer kept."""
        for path in (self._live(run_id), self._kept(run_id)):
            if path.exists():
                return path
        return None

    async def keep(self, run_ids: Sequence[str]) -> None:
        """Take over the outputs of runs that are over, and remove what else was kept beside them."""
        await asyncio.to_thread(self._keep, run_ids)

    async def expire(self) -> None:
        """Delete what is too old; of what is too much then those with more than their share, and the oldest."""
        await asyncio.to_thread(self._expire)

    def _kept(self, run_id: str) -> Path:
        return self._folder / (run_id + _SUFFIX)

    def _keep(self, run_ids: Sequence[str]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for run_id in run_ids:
            live = self._live(run_id)
            with contextlib.suppress(FileNotFoundError):
                os.rename(live, self._kept(run_id))
                live.with_suffix(POSITION).unlink()

    def _expire(self) -> None:
        if not self._folder.exists():
            return
        kept = sorted(map(_looked_at, self._folder.glob("*" + _SUFFIX)))
        size = sum(each.bytes for each in kept)
        oldest = self._clock.now().timestamp() - self._keep_s
        large = (each for each in kept if each.bytes > self._keep_bytes // _SHARES)
        by_size = sorted(large, key=lambda each: each.bytes, reverse=True)
        too_old = [each for each in kept if each.changed < oldest]
        for each in dict.fromkeys((*too_old, *by_size, *kept)):
            if each.changed >= oldest and size <= self._keep_bytes:
                break
            each.path.unlink()
            size -= each.bytes
            log.info("output_expired", run_id=each.path.stem)


def _looked_at(path: Path) -> _Kept:
    stat = path.stat()
    return _Kept(stat.st_ctime, stat.st_blocks * _BLOCK, path)
