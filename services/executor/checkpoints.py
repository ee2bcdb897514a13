"""When runs wrote their last checkpoints: a look into their folders, taken when somebody asks or a run has ended.

The folder belongs to the job, which may do with it what it likes: whatever it holds, a look ends with a moment or none.
Where it lies on a storage that does not answer, a look does not end, and nothing can end it: looks have threads of
their own (see `storages`), so that such a folder keeps back nothing but other looks at its storage.
"""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path

from services.executor.domain.checkpoints import is_final
from services.executor.domain.facts import moment
from services.executor.domain.record import RunRecord
from services.executor.storages import Storages

LOOKED_AT = 10_000
"""Entries of one folder that a look takes in; who keeps more gets the newest of these."""


def newest(folder: Path) -> datetime | None:
    """The latest modification of what lies in the folder under a final name, and never later than now: a file may
    carry any date. Links in the folder are not followed.
    """
    latest = 0
    try:
        with os.scandir(folder) as entries:
            for entry in islice(entries, LOOKED_AT):
                if is_final(entry.name):
                    latest = max(latest, _modified(entry))
    except OSError:  # no folder, or none that can be read: nothing is known of a checkpoint
        return None
    return moment(min(latest, time.time_ns())) if latest > 0 else None


def _modified(entry: "os.DirEntry[str]") -> int:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns
    except FileNotFoundError:  # replaced at this moment; its successor is another entry
        return 0


class Looks:
    """Takes them. One folder that hangs costs those who ask one thread, however often they ask."""

    def __init__(self, look: Callable[[Path], datetime | None] = newest) -> None:
        self._look = look
        self._storages = Storages()
        self._shared: dict[str, asyncio.Task[datetime | None]] = {}

    async def after(self, record: RunRecord, patience_s: float) -> datetime | None:
        """When the run that has ended wrote its last one; none if there is none. The look begins now, after all that
        the run did. Raises TimeoutError.
        """
        if record.checkpoint_path is None:
            return None
        async with asyncio.timeout(patience_s):
            return await self._at(record.checkpoint_path)

    async def by_now(self, records: Iterable[RunRecord], patience_s: float) -> dict[str, datetime | None]:
        """The same of several runs, by their ids. Those are left out whose folder is not known, or does not answer."""
        looks = {record.id: self._joined(record.checkpoint_path) for record in records if record.checkpoint_path}
        if looks:
            await asyncio.wait(looks.values(), timeout=patience_s)
        return {id: look.result() for id, look in looks.items() if look.done() and look.exception() is None}

    def _joined(self, folder: str) -> "asyncio.Task[datetime | None]":
        look = self._shared.get(folder)
        if look is None:
            look = self._shared[folder] = asyncio.get_running_loop().create_task(self._at(folder))
            look.add_done_callback(lambda look: self._over(folder, look))
        return look

    def _over(self, folder: str, look: "asyncio.Task[datetime | None]") -> None:
        del self._shared[folder]
        if not look.cancelled():
            look.exception()  # those who waited for it know

    async def _at(self, folder: str) -> datetime | None:
        path = Path(folder)
        return await self._storages.at(path, partial(self._look, path))
