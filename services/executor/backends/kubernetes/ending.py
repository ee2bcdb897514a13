"""Stops runs: the word goes to this disk, then the pod is deleted with its grace period, or its name buried.

A stop that finds an order and no pod can't know whether one is on its way, so it makes a tombstone under that name:
of the two, the API server takes whichever comes first, so the run's pod is there or never will be.
"""

import asyncio
import time

import structlog

from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.concluding import Concluding
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.pods import Pods, annotations_of
from services.executor.backends.kubernetes.refusals import ClusterAway
from services.executor.backends.kubernetes.tasks import Tasks
from services.executor.backends.kubernetes.turns import Turns
from services.executor.domain import pod_names as names
from services.executor.domain.observation import Cancelled, Refused

log = structlog.get_logger()


class Ending:
    """Of all runs of one cluster."""

    def __init__(
        self, kept: Kept, pods: Pods, calls: Calls, concluding: Concluding, turns: Turns, tasks: Tasks
    ) -> None:
        self._kept = kept
        self._pods = pods
        self._calls = calls
        self._concluding = concluding
        self._turns = turns
        self._tasks = tasks

    async def stop(self, run_id: str) -> None:
        """The platform wants it stopped. Without waiting for the cluster."""
        await asyncio.to_thread(self._kept.ask_to_stop, run_id, {"at_ns": time.time_ns()})
        lock = self._turns.lock(run_id)
        if not lock.locked():
            async with lock:
                if await asyncio.to_thread(self._never_ordered, run_id):
                    await self._concluding.conclude(run_id, Cancelled(time.time_ns()))
                    return
        self.again(run_id)

    async def give_up(self, run_id: str, why: Refused) -> None:
        """It does not start: stop it, and let this be why."""
        log.info("pod_given_up", run_id=run_id, reason=why.reason.code)
        given_up = {"refused": why.reason.model_dump(mode="json"), "busy": why.busy, "own": why.own}
        await asyncio.to_thread(self._kept.ask_to_stop, run_id, {"at_ns": time.time_ns(), **given_up})
        self.again(run_id)

    def again(self, run_id: str) -> None:
        """See that it comes to its end, unless somebody does."""
        self._tasks.once(f"end {run_id}", lambda: self.end(run_id))

    async def end(self, run_id: str) -> None:
        """Have the pod deleted with its grace period, or its name buried. Repeated by the sweep until it is so."""
        async with self._turns.of(run_id):
            try:
                pod = self._pods.get(run_id) or await self._calls.read(run_id)
                if pod is None:
                    await self._bury(run_id)
                elif not pod["metadata"].get("deletionTimestamp") and names.TOMBSTONE not in annotations_of(pod):
                    await self._calls.delete(pod)
            except ClusterAway as error:
                log.warning("pod_not_stopped", run_id=run_id, error=str(error))

    async def _bury(self, run_id: str) -> None:
        order = await asyncio.to_thread(self._kept.order, run_id)
        if order is None:
            await self._concluding.conclude(run_id, Cancelled(time.time_ns()))
        elif await asyncio.to_thread(self._kept.end, run_id) is None:
            refused = await self._calls.create(run_id, order["vc"], order["tombstone"])
            if refused is not None:
                await self._concluding.conclude(run_id, refused)

    def _never_ordered(self, run_id: str) -> bool:
        """Nothing was ever asked of the cluster for it: what is asked for is written down before."""
        return self._kept.order(run_id) is None and self._kept.end(run_id) is None
