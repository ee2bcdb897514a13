"""Logs that an earlier process was copying: read on once it is known what has become of all runs, a few at a time.

Nothing is missed by that, since a log is read on where its copy ends. Until then a run that goes on is let be; one that
starts meanwhile waits for none of them, and one that has ended has its log read to the end at once.
"""

import asyncio
from collections.abc import Callable

from services.executor.backends.kubernetes.kept import Kept

AT_ONCE = 40
PAUSE_S = 0.1
"""So 400 a second at most: two cores open hardly more, API server and kubelet included."""


class Resuming:
    """Of one cluster. `look_at` has a run looked at, which opens its log."""

    def __init__(self, kept: Kept, look_at: Callable[[str], None]) -> None:
        self._kept = kept
        self._look_at = look_at
        self._waiting: set[str] = set()
        self._begun = asyncio.Event()

    def open(self) -> None:
        """Find whose they are."""
        self._waiting = self._kept.running()

    def waits(self, run_id: str) -> bool:
        """Whether its log has its turn later."""
        return run_id in self._waiting

    def begin(self) -> None:
        """It is known what has become of the runs, or cannot be known of all."""
        self._begun.set()

    async def run(self) -> None:
        """Return when all have had their turn."""
        await self._begun.wait()
        while self._waiting:
            for run_id in [self._waiting.pop() for _ in range(min(AT_ONCE, len(self._waiting)))]:
                if not self._kept.has_ended(run_id):
                    self._look_at(run_id)
            await asyncio.sleep(PAUSE_S)
