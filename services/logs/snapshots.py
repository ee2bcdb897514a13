"""Snapshots: how a restart is quick and exact.

Changed rings go to disk every few seconds, then the stream position that they are all complete up to. A restart
begins to read the stream there; what a ring has beyond it is dropped again by its numbers.
"""

import asyncio
from dataclasses import replace

import structlog

from services.logs.files import Folder, Saved
from services.logs.progress import Progress
from services.logs.rings import Rings
from services.logs.settings import LogsSettings
from services.logs.stream import LogStream
from shared.ids import new_id

log = structlog.get_logger()


class Snapshots:
    """Keeps the files up with the rings, and knows where to go on after a restart."""

    def __init__(
        self,
        folder: Folder,
        rings: Rings,
        progress: Progress,
        stream: LogStream,
        settings: LogsSettings,
    ) -> None:
        self._folder = folder
        self._rings = rings
        self._progress = progress
        self._stream = stream
        self._settings = settings
        self._partitions = str(settings.partitions)
        self._saved = Saved(created="", era="", position=0, partitions=self._partitions)

    async def resume(self) -> int:
        """Take the folder, and say at which stream sequence to begin. Raises StoreInUse, StreamAway.

        A stream that was made anew, or that ends before the position (its server lost what it had not synced), counts
        its messages again: a new era begins, in which nothing is known by sequence. So it
        does for a replica that has other partitions than before: of some of them it has read nothing.
        """
        created, end = await self._stream.state()
        await self._rings.on_disk(self._folder.open)
        saved = await self._rings.on_disk(self._folder.saved)
        if saved is not None and saved.partitions != self._partitions:
            log.info("log_partitions_changed", saved=saved.partitions, now=self._partitions)
            saved = None
        if saved is None or saved.created != created or saved.position > end:
            position = end if saved is not None and saved.created == created else 0
            if saved is not None:
                log.warning("log_stream_replaced", saved=saved.position, end=end, begin=position + 1)
            saved = Saved(created=created, era=new_id(), position=position, partitions=self._partitions)
            await self._rings.save_position(saved)
        self._saved = saved
        self._rings.era = saved.era
        self._progress.advance(saved.position)
        log.info("consoles_resumed", position=saved.position, behind=end - saved.position)
        return saved.position + 1

    async def run(self) -> None:
        """Save now and then, and when cancelled once more."""
        try:
            while True:
                await asyncio.sleep(self._settings.save_every_s)
                await self.save()
                await self._rings.drop_idle(self._settings.idle_s)
        finally:
            await self.save()

    async def save(self) -> None:
        """Write what has changed; what the disk refuses is tried again the next time."""
        position = self._progress.position
        if position == self._saved.position or not await self._rings.save():
            return
        saved = replace(self._saved, position=position)
        if await self._rings.save_position(saved):
            self._saved = saved

    async def stop(self) -> None:
        """Save all and leave the folder to the next."""
        await self.save()
        await self._rings.close()
