"""What a pod that does not start is given: its time, since much passes by itself, and then no more.

Of what keeps it from starting the clearest word is kept: a cluster names the cause once, and then says that it waits.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from services.executor.backends.kubernetes.ending import Ending
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.tasks import Tasks
from services.executor.domain.observation import Refused
from services.executor.domain.pod_obstacles import Obstacle, clearer


@dataclass
class _Hindered:
    """A pod that does not start: since when, and the clearest word of what keeps it from that."""

    since: float
    obstacle: Obstacle


class Patience:
    """With the runs of one cluster, `patience_s` for each. `look_at`: has a run looked at again."""

    def __init__(
        self, kept: Kept, ending: Ending, tasks: Tasks, patience_s: float, look_at: Callable[[str], None]
    ) -> None:
        self._kept = kept
        self._ending = ending
        self._tasks = tasks
        self._patience_s = patience_s
        self._look_at = look_at
        self._hindered: dict[str, _Hindered] = {}

    async def bear(self, run_id: str, obstacle: Obstacle | None) -> None:
        """This keeps the run's pod from starting, or nothing does any more. Give it time, or give it up."""
        if obstacle is None:
            self.forget(run_id)
            return
        if self._kept.is_to_stop(run_id):
            return  # it is being stopped
        now = asyncio.get_running_loop().time()
        hindered = self._hindered.setdefault(run_id, _Hindered(now, obstacle))
        hindered.obstacle = obstacle = clearer(hindered.obstacle, obstacle)
        if obstacle.patience and now - hindered.since < self._patience_s:
            self._tasks.once(f"wait for {run_id}", lambda: self._wait(run_id))
        else:
            await self._ending.give_up(run_id, Refused(obstacle.reason, busy=obstacle.busy, own=obstacle.own))

    def forget(self, run_id: str) -> None:
        """It has started, or nobody asks for it any more."""
        self._hindered.pop(run_id, None)

    async def _wait(self, run_id: str) -> None:
        """Have it looked at while it does not start: the cluster may have nothing new to say of it."""
        while run_id in self._hindered and not (self._kept.is_to_stop(run_id) or self._kept.has_ended(run_id)):
            await asyncio.sleep(self._patience_s / 4)
            self._look_at(run_id)
