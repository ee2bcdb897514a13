"""Looks how much room there is for new jobs: on the disk of the data folder, and in the stream of events."""

import asyncio
import os
from pathlib import Path

import structlog

from services.jobs.domain.room import MIB, Space, lacks
from shared.bus.bus import AWAY, Bus
from shared.contracts import subjects
from shared.contracts.errors import StorageFull
from shared.settings import PlatformSettings

log = structlog.get_logger()

LOOK_S = 2.0
RETRY_AFTER_S = 10


class Room:
    """What the last look has found."""

    def __init__(self, bus: Bus, settings: PlatformSettings) -> None:
        self._bus = bus
        self._data = settings.data
        self._min_free = settings.min_free_mib * MIB
        self._min_percent = settings.min_free_percent
        self._stream = Space(0, 0)
        self.disk = Space(0, 0)
        self.lack: str | None = None
        """Why no new job is taken."""

    def check(self) -> None:
        """Raises StorageFull when no new job may be stored."""
        if self.lack is not None:
            raise StorageFull(self.lack, details={"retry_after_s": RETRY_AFTER_S})

    async def run(self) -> None:
        """Look again and again until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """Look once. A stream that does not answer is taken to be as it was."""
        try:
            info = await self._bus.js.stream_info(subjects.EVENTS)
        except AWAY as error:
            log.warning("events_not_measured", error=repr(error))
        else:
            most = max(info.config.max_bytes or 0, 0)
            self._stream = Space(most - info.state.bytes, most)
        self.disk = await asyncio.to_thread(_disk_of, self._data)
        unstored = self._bus.refusals.get("evt")
        before, self.lack = self.lack, lacks(self.disk, self._stream, unstored, self._min_free, self._min_percent)
        if self.lack is not None and before is None:
            log.error("submissions_refused", reason=self.lack)
        elif self.lack is None and before is not None:
            log.info("submissions_taken_again")


def _disk_of(folder: Path) -> Space:
    """Of the folder, or of the one that it will be made in."""
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    stat = os.statvfs(there)
    return Space(stat.f_bavail * stat.f_frsize, stat.f_blocks * stat.f_frsize)
