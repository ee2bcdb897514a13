"""Ends what is in the cluster of runs that no executor knows any more, and lets it go: pods, then their Secrets.

Nothing of it is written down: the pods themselves are the list, so whoever comes next goes on with what is there. Each
is deleted by its uid with its grace period, and keeps its finalizer until it is over.
"""

import asyncio
from collections.abc import Callable, Sequence

import structlog

from services.executor.backends.kubernetes.api import Document
from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.ending import Ending
from services.executor.backends.kubernetes.forgetting import Forgetting
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.refusals import ClusterAway
from services.executor.backends.kubernetes.remnants import has_ended, is_held
from services.executor.backends.kubernetes.turns import Turns
from services.executor.domain import pod_names as names

log = structlog.get_logger()


class Clearing:
    """Of one cluster. `answers`: whether a node does, by its name."""

    def __init__(
        self,
        layout: Layout,
        kept: Kept,
        pods: Pods,
        calls: Calls,
        ending: Ending,
        forgetting: Forgetting,
        turns: Turns,
        answers: Callable[[str], bool],
    ) -> None:
        self._namespaces = layout.namespaces
        self._kept = kept
        self._pods = pods
        self._calls = calls
        self._ending = ending
        self._forgetting = forgetting
        self._turns = turns
        self._answers = answers

    async def clear(self, vc: str, run_ids: Sequence[str]) -> list[str]:
        """Those of which something is left. Raises OSError when the disk is full."""
        namespace = names.namespace(vc, self._namespaces)
        gone = await asyncio.gather(*(self._clear(run_id, namespace) for run_id in run_ids))
        return [run_id for run_id, is_gone in zip(run_ids, gone, strict=True) if not is_gone]

    async def _clear(self, run_id: str, namespace: str) -> bool:
        """Whether nothing of it is left."""
        if self._kept.namespace(run_id) is not None:
            await self._forget(run_id)
        for pod in self._pods.remnants.of(run_id, namespace):
            try:
                async with self._turns.of(run_id):
                    await self._end(run_id, pod)
            except ClusterAway as error:
                log.warning("remnant_not_ended", run_id=run_id, error=str(error))
        left = any(is_held(pod) or not self._has_ended(pod) for pod in self._pods.remnants.of(run_id, namespace))
        return not left and self._kept.namespace(run_id) is None

    async def _forget(self, run_id: str) -> None:
        """It was ordered here, and is still on this disk, unlike what the executor itself knew of it."""
        if self._kept.has_ended(run_id):
            await self._forgetting.forget([run_id])
        else:
            await self._ending.stop(run_id)

    async def _end(self, run_id: str, pod: Document) -> None:
        """Raises ClusterAway."""
        if not pod["metadata"].get("deletionTimestamp"):
            log.info("remnant_deleted", run_id=run_id, uid=pod["metadata"]["uid"])
            await self._calls.delete(pod)
        if is_held(pod) and self._has_ended(pod):
            await self._calls.free(run_id, pod)

    def _has_ended(self, pod: Document) -> bool:
        node = pod["spec"].get("nodeName")
        return has_ended(pod, node is None or self._answers(node))
