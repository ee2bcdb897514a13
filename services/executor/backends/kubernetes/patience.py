"""What a pod that does not start is given: its time, since much passes by itself, and then no more.

That is little where something is known to keep it, and much where nothing is: then its node pulls its image.

Of what keeps it from starting the clearest word is kept: a cluster names the cause once, and then says that it waits.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

from services.executor.backends.kubernetes.ending import Ending
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.pods import Pods
from services.executor.domain.observation import Refused
from services.executor.domain.pod_obstacles import Obstacle, clearer, overdue


@dataclass
class _Hindered:
    """A pod that does not start: since when, and the clearest word of what keeps it from that."""

    since: float
    obstacle: Obstacle


class Patience:
    """With the runs of one cluster: `patience_s` for each that is kept from starting, `start_s` for each other one.

    `look_later`: has a run looked at again after so long, since the cluster may have nothing new to say of it. What is
    not kept is looked at often enough by the executor, who compares.
    """

    def __init__(
        self,
        kept: Kept,
        pods: Pods,
        ending: Ending,
        patience_s: float,
        start_s: float,
        look_later: Callable[[str, float], None],
    ) -> None:
        self._kept = kept
        self._pods = pods
        self._ending = ending
        self._patience_s = patience_s
        self._start_s = start_s
        self._look_later = look_later
        self._hindered: dict[str, _Hindered] = {}

    async def bear(self, run_id: str, obstacle: Obstacle | None) -> None:
        """This keeps the run's pod from starting, or nothing does any more. Give it time, or give it up."""
        if obstacle is None:
            self.forget(run_id)
            obstacle = self._overdue(run_id)
        if obstacle is None:
            return
        if self._kept.is_to_stop(run_id):
            return  # it is being stopped
        now = asyncio.get_running_loop().time()
        hindered = self._hindered.setdefault(run_id, _Hindered(now, obstacle))
        hindered.obstacle = obstacle = clearer(hindered.obstacle, obstacle)
        if obstacle.patience and now - hindered.since < self._patience_s:
            self._look_later(run_id, self._patience_s / 4)
        else:
            await self._ending.give_up(run_id, Refused(obstacle.reason, busy=obstacle.busy, own=obstacle.own))

    def _overdue(self, run_id: str) -> Obstacle | None:
        pod = self._pods.get(run_id)
        return overdue(pod, time.time_ns(), self._start_s) if pod is not None else None

    def forget(self, run_id: str) -> None:
        """It has started, or nobody asks for it any more."""
        self._hindered.pop(run_id, None)
