"""Whole outputs: where a run's file is, and how long it stays for download once the run is over."""

import asyncio
import contextlib
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from services.executor.shipment import POSITION

log = structlog.get_logger()

_SUFFIX = ".output"


class Outputs:
    """Keeps the files of finished runs in a folder of its own. `live` says where a backend writes a run's."""

    def __init__(self, folder: Path, live: Callable[[str], Path], keep_s: float, keep_bytes: int) -> None:
        self._folder = folder
        self._live = live
        self._keep_s = keep_s
        self._keep_bytes = keep_bytes

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
        """Delete what is too old, then the oldest of what is too much."""
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
        kept = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self._folder.glob("*" + _SUFFIX))
        size = sum(bytes for _, bytes, _ in kept)
        oldest = time.time() - self._keep_s
        for modified, bytes, path in kept:
            if modified >= oldest and size <= self._keep_bytes:
                break
            path.unlink()
            size -= bytes
            log.info("output_expired", run_id=path.stem)
