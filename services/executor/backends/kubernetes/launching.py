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
from services.executor.storages import Storages
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
        storages: Storages,
    ) -> None:
        self._layout = layout
        self._kept = kept
        self._pods = pods
        self._calls = calls
        self._concluding = concluding
        self._turns = turns
        self._direct = direct
        self._storages = storages
        self._grounds = Grounds(kept)
        self._ordering = asyncio.Lock()

    async def launch(self, order: RunOrder) -> None:
        """What cannot be asked of the cluster now is asked for again by whoever wants it started."""
        run_id = order.run_id
        if self._is_known(run_id):
            return
        try:
            manifest.pod(order, self._layout)  # whether it can be made, before its folders are touched
            unfit = await self._prepared(order)
        except Unplaceable as error:
            unfit = Refused(error.reason)
        async with self._turns.of(run_id):  # not taken before: a storage that does not answer would keep it
            if self._is_known(run_id):
                return
            refused = await (self._launch(order) if unfit is None else self._believed(run_id, unfit))
            if refused is not None:
                await self._concluding.conclude(run_id, refused)

    async def _prepared(self, order: RunOrder) -> Refused | None:
        """Why its folders cannot be. What is told to ranks goes only as long as no pod of theirs was asked for."""
        gathering = gathering_of(order, self._layout)
        is_new = self._kept.namespace(order.run_id) is None
        stale = gathering.files if gathering is not None and is_new else ()
        return await prepared(self._storages, order, self._layout.user, self._layout.group, stale)

    async def _believed(self, run_id: str, refused: Refused) -> Refused | None:
        """A run that was ordered before may have its pod by now."""
        namespace = self._kept.namespace(run_id)
        return refused if namespace is None else await self._calls.unless_there(run_id, namespace, refused)

    async def _launch(self, order: RunOrder) -> Refused | None:
        """Why it cannot be; None: it was asked for, as far as the cluster answers."""
        run_id = order.run_id
        direct = self._direct.starts(order, manifest.image_of(order, self._layout))
        document = manifest.pod(order, self._layout, direct=direct)
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
        async with self._ordering:
            movable = await asyncio.to_thread(self._order, order, facts)
        if movable is not None:
            return Refused(movable, busy=True, own=True)
        return await self._calls.create(run_id, order.vc, document, order)

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
