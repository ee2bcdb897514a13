"""Gives up ranks whose nodes will not come back, on an operator's word: nothing more is waited for, nothing is kept.

While a node answers this refuses, for a run that was given up and lives would soon run twice. What a node does that the
cluster merely does not reach, nobody here can know: that is what the operator's word is for.
"""

import asyncio
import time
from collections.abc import Sequence

import structlog

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.concluding import Concluding
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.outputs import Outputs
from services.executor.backends.kubernetes.pods import Pods, path_of
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway
from services.executor.backends.kubernetes.turns import Turns
from services.executor.domain.observation import Lost
from shared.contracts.errors import Conflict, Unavailable
from shared.contracts.job import Reason

log = structlog.get_logger()


class Forcing:
    """Of all runs of one cluster."""

    def __init__(
        self, api: Api, kept: Kept, pods: Pods, outputs: Outputs, concluding: Concluding, turns: Turns
    ) -> None:
        self._api = api
        self._kept = kept
        self._pods = pods
        self._outputs = outputs
        self._concluding = concluding
        self._turns = turns

    async def force(self, run_ids: Sequence[str], reason: Reason) -> tuple[str, ...]:
        """Of these ranks those that were given up. Raises Conflict when no node of theirs is gone, Unavailable."""
        try:
            dead = [run_id for run_id in run_ids if await self._is_dead(run_id)]
            if not dead:
                message = (
                    "The run is on no node that the cluster tells as not ready, so it is not given up: kill or pause "
                    "the job instead. A node that is gone for good is told so by the cluster within a minute."
                )
                raise Conflict(message, details={"code": "node_answers"})
            for run_id in dead:
                await self._give_up(run_id, reason)
        except (ApiError, ClusterAway) as error:
            raise Unavailable(f"The cluster does not do that now: {error}") from error
        return tuple(dead)

    async def _is_dead(self, run_id: str) -> bool:
        """Whether the rank's pod is on a node that is gone, or does not answer. One without a node ends by itself."""
        pod = self._pods.get(run_id)
        node = pod["spec"].get("nodeName") if pod is not None else None
        if node is None or await asyncio.to_thread(self._kept.end, run_id) is not None:
            return False
        found = (await self._api.get("/api/v1/nodes", {"fieldSelector": f"metadata.name={node}"}))["items"]
        return not any(_answers(each) for each in found)

    async def _give_up(self, run_id: str, reason: Reason) -> None:
        """The pod's end is marked first, so that it goes with its finalizer, which goes with the end that is kept."""
        async with self._turns.of(run_id):
            pod = self._pods.get(run_id)
            if pod is not None:
                await self._remove(pod)
            if self._kept.has_started(run_id):
                await self._outputs.finish(run_id, time.time_ns(), answers=False)
            await self._concluding.conclude(run_id, Lost(reason))
            log.warning("run_forced", run_id=run_id)

    async def _remove(self, pod: Document) -> None:
        """Without waiting for its node."""
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": pod["metadata"]["uid"]}}
        try:
            await self._api.delete(path_of(pod), options)
        except ApiError as error:
            if error.status not in (404, 409):
                raise


def _answers(node: Document) -> bool:
    conditions = node.get("status", {}).get("conditions") or ()
    return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
