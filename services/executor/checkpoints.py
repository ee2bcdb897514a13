"""When runs wrote their last checkpoints: a look into their folders, taken when somebody asks or a run has ended.

The folder belongs to the job, which may do with it what it likes: whatever it holds, a look ends with a moment or none.
"""

import asyncio
import os
import time
from collections.abc import Iterable
from datetime import datetime
from itertools import islice
from pathlib import Path

from services.executor.domain.checkpoints import is_final
from services.executor.domain.facts import moment
from services.executor.domain.record import RunRecord

LOOKED_AT = 10_000
"""Entries of one folder that a look takes in; who keeps more gets the newest of these."""


async def written_at(record: RunRecord) -> datetime | None:
    """When the run's newest checkpoint was written; none if there is none."""
    return await asyncio.to_thread(_written_at, record)


async def written_by(records: Iterable[RunRecord]) -> dict[str, datetime | None]:
    """The same for several runs, by their ids; those whose folder is not known are left out."""
    known = [record for record in records if record.checkpoint_path is not None]
    return await asyncio.to_thread(lambda: {record.id: _written_at(record) for record in known})


def _written_at(record: RunRecord) -> datetime | None:
    return newest(Path(record.checkpoint_path)) if record.checkpoint_path is not None else None


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
