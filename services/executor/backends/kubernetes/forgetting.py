"""Lets runs go that nobody asks for any more: nothing of them stays in the cluster, and then nothing here.

What this disk knows of a run is what finds its pod and its Secret, so it outlives them; a run that is to be forgotten
while the cluster is away is marked, and let go when that answers again, also by the next process.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import structlog

from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.refusals import ClusterAway
from services.executor.backends.kubernetes.tasks import Tasks

log = structlog.get_logger()

AT_ONCE = 16
PATIENCE_S = 5.0


class Forgetting:
    """`gone` is called with each run of which nothing is left."""

    def __init__(self, kept: Kept, calls: Calls, tasks: Tasks, gone: Callable[[str], None]) -> None:
        self._kept = kept
        self._calls = calls
        self._tasks = tasks
        self._gone = gone
        self._room = asyncio.Semaphore(AT_ONCE)
        self._leaving: set[str] = set()

    async def open(self) -> None:
        """Find what an earlier process was to forget."""
        self._leaving.update(self._kept.leaving())

    async def forget(self, run_ids: Sequence[str]) -> None:
        """Without waiting for a cluster that is slow. Raises OSError when the disk is full."""
        await asyncio.to_thread(self._kept.let_go, run_ids)
        self._leaving.update(run_ids)
        self.again()
        await self._tasks.settle(map(_name, run_ids), PATIENCE_S)

    def again(self) -> None:
        """Go on with those that are not gone yet."""
        for run_id in self._leaving:
            self._tasks.once(_name(run_id), partial(self._remove, run_id))

    async def _remove(self, run_id: str) -> None:
        async with self._room:
            try:
                await self._calls.remove(run_id)
            except ClusterAway as error:
                log.warning("pod_not_removed", run_id=run_id, error=str(error))
                return
        await asyncio.to_thread(self._kept.forget, [run_id])
        self._leaving.discard(run_id)
        self._gone(run_id)


def _name(run_id: str) -> str:
    return f"forget {run_id}"
