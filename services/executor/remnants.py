"""What is left of runs that this executor has not started, as far as it remembers: it may have lost its disk.

Whoever knows nothing of a run cannot say that it is over: its processes, containers or pods may live. So what became of
such a run is told only when the backend has nothing of it any more, and no later attempt begins before that. What the
platform does not want at all is ended without a word.
"""

import asyncio
from collections.abc import Sequence

import structlog

from services.executor.backends.protocol import Backend
from services.executor.domain.record import RunRecord, rank_of
from services.executor.known import KnownRuns

log = structlog.get_logger()

LOOK_S = 1.0
"""Between two looks at whether what was left has gone."""


class Remnants:
    """Of one executor."""

    def __init__(self, backend: Backend, known: KnownRuns) -> None:
        self._backend = backend
        self._known = known

    async def found(self) -> dict[str, list[str]]:
        """By run, the ranks of which something is here; none as long as nobody can say that."""
        found: dict[str, list[str]] = {}
        try:
            ids = await self._backend.remnants()
        except OSError as error:
            log.warning("remnants_unknown", error=str(error))
            return found
        for id in ids:
            run_id, _ = rank_of(id)
            if not self._known.started(run_id):
                found.setdefault(run_id, []).append(id)
        return found

    async def clear(self, run_id: str, vc: str, ranks: Sequence[str]) -> None:
        """The platform wants nothing of it. Without waiting: whoever finds it again asks again. Raises OSError."""
        if not self._known.started(run_id):
            log.warning("remnant_unwanted", run_id=run_id)
            await self._backend.clear(vc, ranks)

    async def gone(self, record: RunRecord) -> None:
        """Return once nothing is left of a run that was not started here; what lives is ended with its grace period."""
        said = False
        while True:
            try:
                left: object = await self._backend.clear(record.vc, record.ranks)
            except OSError as error:
                left = str(error)
            if not left:
                return
            if not said:
                said = True
                log.warning("remnant_ends", run_id=record.id, left=left)
            await asyncio.sleep(LOOK_S)
