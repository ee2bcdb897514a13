"""Starts runs: the order goes to this disk, then the pod to the cluster, unless the run has been here.

An order is written down before its pod is asked for, so whoever finds none on the disk knows that nothing was.
"""

import asyncio
from typing import Any

from services.executor.backends.kubernetes import manifest
from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.concluding import Concluding
from services.executor.backends.kubernetes.direct import Direct
from services.executor.backends.kubernetes.folders import prepared
from services.executor.backends.kubernetes.gathering import gathering_of
from services.executor.backends.kubernetes.grounds import Grounds
from services.executor.backends.kubernetes.hidden import conceals
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout, Unplaceable
from services.executor.backends.kubernetes.mounts import mounted
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.turns import Turns
from services.executor.backends.protocol import RunOrder
from services.executor.domain.observation import Refused
from shared.contracts.job import Reason


class Launching:
    """Of all runs of one cluster."""

    def __init__(
        self,
        layout: Layout,
        kept: Kept,
        pods: Pods,
        calls: Calls,
        concluding: Concluding,
        turns: Turns,
        direct: Direct,
    ) -> None:
        self._layout = layout
        self._kept = kept
        self._pods = pods
        self._calls = calls
        self._concluding = concluding
        self._turns = turns
        self._direct = direct
        self._grounds = Grounds(kept)
        self._ordering = asyncio.Lock()

    async def launch(self, order: RunOrder) -> None:
        """What cannot be asked of the cluster now is asked for again by whoever wants it started."""
        run_id = order.run_id
        async with self._turns.of(run_id):
            if not self._is_known(run_id):
                await self._launch(order)

    async def _launch(self, order: RunOrder) -> None:
        run_id = order.run_id
        try:
            direct = self._direct.starts(order, manifest.image_of(order, self._layout))
            document = manifest.pod(order, self._layout, direct=direct)
        except Unplaceable as error:
            await self._concluding.conclude(run_id, Refused(error.reason))
            return
        facts: dict[str, Any] = {
            "namespace": document["metadata"]["namespace"],
            "vc": order.vc,
            "folder": str(order.cwd),
            "folders": {str(path): read_only for path, read_only in mounted(order).items()},
            "tombstone": manifest.tombstone(order, self._layout),
        }
        gathering = gathering_of(order, self._layout)
        if gathering is not None:
            facts["gathering"] = gathering.facts()
        before = await asyncio.to_thread(self._kept.order, run_id)
        facts["secret"] = conceals(order) or (before or {}).get("secret", False)
        facts["login"] = order.login is not None or (before or {}).get("login", False)
        stale = gathering.files if gathering is not None and before is None else ()  # its pod was not asked for yet
        unusable = await asyncio.to_thread(prepared, order, self._layout.user, self._layout.group, stale)
        if unusable is not None:
            await self._concluding.conclude(run_id, Refused(unusable))
            return
        async with self._ordering:
            movable = await asyncio.to_thread(self._order, order, facts)
        if movable is not None:
            await self._concluding.conclude(run_id, Refused(movable, busy=True, own=True))
            return
        refused = await self._calls.create(run_id, order.vc, document, order)
        if refused is not None:
            await self._concluding.conclude(run_id, refused)

    def _order(self, order: RunOrder, facts: dict[str, Any]) -> Reason | None:
        """Why it cannot be now, while other runs live; None: it is written down."""
        movable = self._grounds.movable(order)
        if movable is None:
            self._kept.keep_order(order.run_id, facts)
        return movable

    def _is_known(self, run_id: str) -> bool:
        return (
            self._pods.get(run_id) is not None
            or self._kept.has_started(run_id)
            or self._kept.has_ended(run_id)
            or self._kept.is_to_stop(run_id)
        )
