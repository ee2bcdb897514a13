"""Looks again at what has not come to its end, for a word of the watch or an answer of the cluster that got lost."""

import asyncio

import structlog

from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.ending import Ending
from services.executor.backends.kubernetes.forgetting import Forgetting
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.observing import Observing

log = structlog.get_logger()

SWEEP_S = 5.0


class Sweep:
    """Of the runs of one cluster. However slow that is, of each run one repetition is under way at most."""

    def __init__(
        self,
        kept: Kept,
        calls: Calls,
        ending: Ending,
        observing: Observing,
        forgetting: Forgetting,
        every_s: float = SWEEP_S,
    ) -> None:
        self._kept = kept
        self._calls = calls
        self._ending = ending
        self._observing = observing
        self._forgetting = forgetting
        self._every_s = every_s

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for run_id in await self._unfinished():
                self._ending.again(run_id)
                self._observing.look_at(run_id)
            for run_id in self._calls.unreleased:
                self._observing.look_at(run_id)
            self._forgetting.again()
            await asyncio.sleep(self._every_s)

    async def _unfinished(self) -> list[str]:
        """None, where the disk does not say: it is asked again at the next sweep."""
        try:
            return await asyncio.to_thread(self._kept.unfinished)
        except OSError as error:
            log.warning("sweep_without_disk", error=str(error))
            return []
