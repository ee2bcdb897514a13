"""The backend `kubernetes`: one pod per rank, in a cluster that others may use too.

A run's pod has the run's name, so the API server itself refuses to make it twice; a finalizer keeps it until its
result and its output are stored here. What a watch tells only makes this look. The parts are put together here:
`launching` and `ending` ask for what the platform wants, `observing` says what has become of it.
"""

import asyncio
import socket
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.concluding import Concluding
from services.executor.backends.kubernetes.direct import Direct
from services.executor.backends.kubernetes.ending import Ending
from services.executor.backends.kubernetes.entrance import Entrance
from services.executor.backends.kubernetes.fences import Fences
from services.executor.backends.kubernetes.forcing import Forcing
from services.executor.backends.kubernetes.forgetting import Forgetting
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.launching import Launching
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.made_namespaces import MadeNamespaces
from services.executor.backends.kubernetes.measuring import Measuring, Source
from services.executor.backends.kubernetes.namespaces import Namespaces, own_namespace
from services.executor.backends.kubernetes.nodes import ClusterNodes, Holders
from services.executor.backends.kubernetes.observing import Observing
from services.executor.backends.kubernetes.outputs import Outputs
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.ports import Ports
from services.executor.backends.kubernetes.pulls import PodPulls
from services.executor.backends.kubernetes.rendezvous import Rendezvous
from services.executor.backends.kubernetes.room import Room
from services.executor.backends.kubernetes.sweeping import Sweep
from services.executor.backends.kubernetes.tasks import Tasks
from services.executor.backends.kubernetes.turns import Turns
from services.executor.backends.kubernetes.variables import MASTER_ADDR
from services.executor.backends.kubernetes.ways import Ways
from services.executor.backends.protocol import Changed, Execution, RunOrder
from services.executor.backends.standing import Standing
from services.executor.domain import pod_states as states
from services.executor.domain.holder import Holder
from services.executor.domain.observation import Observation
from services.executor.domain.pulling import Held, Pull
from services.executor.domain.reading import Reading
from services.executor.storages import Storages
from shared.contracts.errors import Conflict
from shared.contracts.job import Reason
from shared.contracts.metrics import Accelerator
from shared.contracts.streams import Child


class KubernetesBackend:
    """The runs of one cluster, in `folder` what is kept of them here."""

    uses_images = True
    reports_beside_job = True

    def __init__(
        self,
        api: Api,
        folder: Path,
        layout: Layout,
        create_namespaces: bool = True,
        existing_namespaces: Collection[str] = (),
        patience_s: float = 60.0,
        nodes: ClusterNodes | None = None,
        sources: Sequence[Source] = (),
        output_bytes: int = 0,
        start_s: float = 10_800.0,
    ) -> None:
        self._api = api
        self._nodes = nodes
        self._tasks = Tasks()
        self._standing = Standing()
        self._turns = Turns()
        self._kept = Kept(folder)
        strangers = nodes.strangers if nodes is not None else Holders()
        self._pods = Pods(api, layout.fence, strangers, self._moved, self._kept.namespace)
        self._measuring = Measuring(self._pods, sources)
        storages = Storages()
        self._rendezvous = Rendezvous(self._kept, self._pods, storages)
        hidden = HiddenTexts(api)
        self._pulls = PodPulls(api, self._pods, hidden.of)
        room = Room(folder, output_bytes)
        ways = Ways(folder, room)
        self._entrance = Entrance(api, ways, self._pod_of, hidden.of)
        self._ports = Ports(api, self._entrance.run)
        made = MadeNamespaces(folder / "namespaces", existing_namespaces) if create_namespaces else None
        namespaces = Namespaces(api, made, own_namespace())
        self.fences = Fences(api, layout, namespaces, self._pods, self._kept)
        self._calls = Calls(api, layout.fence, self._kept, self._pods, self.fences, hidden, patience_s)
        self._concluding = Concluding(self._kept, self._calls, self._tell)
        self._outputs = Outputs(api, self._kept, ways, self._pods, self._calls, hidden, self._note, room, patience_s)
        self._direct = Direct(self._kept, self._pods)
        self._launching = Launching(
            layout, self._kept, self._pods, self._calls, self._concluding, self._turns, self._direct, storages
        )
        self._ending = Ending(self._kept, self._pods, self._calls, self._concluding, self._turns, self._tasks)
        self._forcing = Forcing(api, self._kept, self._pods, self._outputs, self._concluding, self._turns)
        self._observing = Observing(
            self._kept,
            self._pods,
            self._calls,
            self._outputs,
            self._concluding,
            self._ending,
            self._direct,
            patience_s,
            start_s,
            answers=nodes.answers if nodes is not None else lambda node: True,
        )
        self._forgetting = Forgetting(self._kept, self._calls, self._tasks, self._gone)
        self._sweep = Sweep(self._kept, self._calls, self._ending, self._observing, self._forgetting)
        self._changed: Changed = lambda run_id, observation: None
        self._wrote: Callable[[str], None] = lambda run_id: None

    async def open(self, changed: Changed, wrote: Callable[[str], None]) -> None:
        self._changed = changed
        self._wrote = wrote
        await asyncio.to_thread(self._kept.open)
        await self._forgetting.open()
        await self._api.open()
        self._standing.begin(self._pods.watch.follow())
        if self._nodes is not None:
            self._standing.begin(self._nodes.follow())
            for listed in self._nodes.listed:
                await self._standing.until(listed)
        self._tasks.spawn(self._entrance.take_up())
        self._standing.begin(self._begin_sweep())
        self._standing.begin(self.fences.keep())

    async def stand(self) -> None:
        await self._standing.stand()

    async def close(self) -> None:
        await self._observing.close()
        await self._rendezvous.close()
        parts = (self._standing, self._tasks, self._outputs, self._measuring)
        tasks = [task for part in parts for task in part.under_way()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._ports.close()
        await self._entrance.close()
        await self._api.close()

    async def launch(self, orders: Sequence[RunOrder]) -> None:
        for order in orders:
            self._tasks.once(f"launch {order.run_id}", partial(self._launching.launch, order))

    async def stop(self, run_id: str) -> None:
        await self._ending.stop(run_id)

    async def force(self, run_ids: Sequence[str], reason: Reason) -> tuple[str, ...]:
        return await self._forcing.force(run_ids, reason)

    async def observe(self, run_ids: Sequence[str]) -> dict[str, Observation]:
        await self._standing.until(self._pods.watch.listed)
        seen = await asyncio.gather(*(self._observing.observe(run_id) for run_id in run_ids))
        return dict(zip(run_ids, seen, strict=True))

    async def pulls(self, run_ids: Sequence[str]) -> dict[str, Pull | Held]:
        return {**self._direct.held(run_ids), **await self._pulls.of(run_ids)}

    async def measure(self, run_ids: Sequence[str]) -> dict[str, Reading]:
        return await self._measuring.measure(run_ids)

    def devices(self, holders: Sequence[Holder]) -> dict[str, tuple[Accelerator, ...]]:
        """What runs use of their devices, as the last reading had it."""
        return self._measuring.devices(holders)

    async def exec(self, run_id: str, child: Child | str) -> Execution:
        pod, order = await self._living(run_id)
        address = await self._rendezvous.address(run_id)
        if address is not None and isinstance(child, Child):
            child = child.model_copy(update={"env": {MASTER_ADDR: address, **child.env}})
        return await self._entrance.exec(run_id, pod, child, order["folder"])

    async def dial(self, run_id: str, port: int) -> socket.socket:
        pod = await self._pod_of(run_id)
        return await self._ports.dial(pod, port)

    def output(self, run_id: str, child: str | None = None) -> Path:
        return self._outputs.path(run_id, child)

    async def forget(self, run_ids: Sequence[str]) -> None:
        await self._forgetting.forget(run_ids)

    async def _living(self, run_id: str) -> tuple[Document, dict[str, Any]]:
        """The pod of a run that runs and is not told to stop. Raises Conflict."""
        await self._standing.until(self._pods.watch.listed)
        pod, order = self._pods.get(run_id), await asyncio.to_thread(self._kept.order, run_id)
        verdict, stopping = self._observing.verdict(run_id), self._kept.is_to_stop(run_id)
        if pod is None or order is None or stopping or not isinstance(verdict, states.Running):
            words = "The job has no run here that one could come into."
            raise Conflict(words, details={"code": "run_not_running"})
        return pod, order

    async def _pod_of(self, run_id: str) -> Document:
        """The same, without what was ordered."""
        pod, _ = await self._living(run_id)
        return pod

    def _moved(self, run_id: str) -> None:
        """Its pod is another than before, or gone."""
        self._observing.look_at(run_id)
        self._rendezvous.look_at(run_id)

    def _tell(self, run_id: str, seen: Observation) -> None:
        self._changed(run_id, seen)

    def _note(self, run_id: str) -> None:
        self._wrote(run_id)

    def _gone(self, run_id: str) -> None:
        """Nothing of it is left."""
        self._concluding.told.pop(run_id, None)
        self._turns.forget(run_id)
        self._observing.forget(run_id)
        self._measuring.forget(run_id)
        self._rendezvous.forget(run_id)

    async def _begin_sweep(self) -> None:
        await self._pods.watch.listed.wait()
        await self._sweep.run()
