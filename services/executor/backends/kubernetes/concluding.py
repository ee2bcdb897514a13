"""How a run comes to its end, on one way for all ends: kept on this disk, then its pod let go, then told.

So whoever is told of an end finds it here after any kill, and a pod that may be deleted has nothing more to say.
"""

import asyncio

from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.protocol import Changed
from services.executor.domain.observation import Observation


class Concluding:
    """`changed` is called with what is new of a run, and once for each."""

    def __init__(self, kept: Kept, calls: Calls, changed: Changed) -> None:
        self._kept = kept
        self._calls = calls
        self._changed = changed
        self.told: dict[str, Observation] = {}
        """The last that was said of each run."""

    async def conclude(self, run_id: str, end: Observation) -> None:
        """The first end counts. Raises OSError when the disk is full: then it has not ended yet."""
        known = await asyncio.to_thread(self._kept.end, run_id)
        if known is None:
            await asyncio.to_thread(self._kept.conclude, run_id, end)
        else:
            end = known
        await self._calls.release(run_id)
        self.tell(run_id, end)

    def tell(self, run_id: str, seen: Observation) -> None:
        if self.told.get(run_id) != seen:
            self.told[run_id] = seen
            self._changed(run_id, seen)
