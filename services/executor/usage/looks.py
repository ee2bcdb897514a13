"""Looks at what runs report to files in their jobs' folders, which lie on storages that may not answer.

What a run reports to a file of this node's own is looked at where it is added up (`tallies`).
"""

from functools import partial
from pathlib import Path

from services.executor.domain.record import Member
from services.executor.storages import Storages
from services.executor.usage.files import beside
from services.executor.usage.reports import Look, Position, look

PATIENCE_S = 2.0
"""How long a storage may keep back the samples of all runs, and the end of one."""


class JobFolders:
    """Of one executor's runs."""

    def __init__(self, patience_s: float = PATIENCE_S) -> None:
        self._storages = Storages(patience_s)

    async def look(self, member: Member, position: Position, last: bool = False) -> Look | None:
        """What follows the position, nothing while the storage does not answer; None: the run does not report there."""
        if member.reports_beside is None:
            return None
        path = beside(Path(member.reports_beside), member.id)
        try:
            return await self._storages.at(path, partial(look, path, position, last))
        except OSError:
            return Look(position)
