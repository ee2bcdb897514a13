"""Looks again at what has not come to its end, for a word of the watch or an answer of the cluster that got lost."""

import asyncio

from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.ending import Ending
from services.executor.backends.kubernetes.forgetting import Forgetting
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.observing import Observing

SWEEP_S = 5.0


class Sweep:
    """Of the runs of one cluster. However slow that is, of each run one repetition is under way at most."""

    def __init__(self, kept: Kept, calls: Calls, ending: Ending, observing: Observing, forgetting: Forgetting) -> None:
        self._kept = kept
        self._calls = calls
        self._ending = ending
        self._observing = observing
        self._forgetting = forgetting

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for run_id in self._kept.unfinished():
                self._ending.again(run_id)
                self._observing.look_at(run_id)
            for run_id in self._calls.unreleased | self._observing.outlived:
                self._observing.look_at(run_id)
            self._forgetting.again()
            await asyncio.sleep(SWEEP_S)
