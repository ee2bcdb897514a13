"""The backend `kubernetes`: one pod per rank, in a cluster that others may use too.

A run's pod has the run's name, so the API server itself refuses to make it twice; a finalizer keeps it until its
result and its output are stored here. What a watch tells only makes this look. The parts are put together here:
`launching` and `ending` ask for what the platform wants, `observing` says what has become of it.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.concluding import Concluding
from services.executor.backends.kubernetes.ending import Ending
from services.executor.backends.kubernetes.entrance import Entrance
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.launching import Launching
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.namespaces import Namespaces
from services.executor.backends.kubernetes.nodes import ClusterNodes
from services.executor.backends.kubernetes.observing import Observing
from services.executor.backends.kubernetes.outputs import Outputs
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.ports import Ports
from services.executor.backends.kubernetes.programs import PROGRAM_UNUSABLE
from services.executor.backends.kubernetes.tasks import Tasks
from services.executor.backends.kubernetes.turns import Turns
from services.executor.backends.protocol import Changed, Execution, RunOrder
from services.executor.domain import pod_states as states
from services.executor.domain.observation import Observation
from services.executor.domain.reading import Reading
from shared.contracts.errors import Conflict
from shared.contracts.streams import Child

SWEEP_S = 5.0
"""Between two looks at what was told to stop and has not ended."""


class KubernetesBackend:
    """The runs of one cluster, in `folder` what is kept of them here."""

    uses_images = True

    def __init__(
        self,
        api: Api,
        folder: Path,
        layout: Layout,
        create_namespaces: bool = True,
        patience_s: float = 60.0,
        nodes: ClusterNodes | None = None,
    ) -> None:
        self._api = api
        self._nodes = nodes
        self._tasks = Tasks()
        self._turns = Turns()
        self._kept = Kept(folder)
        self._pods = Pods(api, layout.executor, self._moved)
        self._entrance = Entrance(api)
        self._ports = Ports(api, self._entrance.run)
        hidden = HiddenTexts(api)
        self._calls = Calls(api, self._kept, self._pods, Namespaces(api, create_namespaces), hidden)
        self._concluding = Concluding(self._kept, self._calls, self._tell)
        self._outputs = Outputs(api, self._kept, self._pods, self._calls, hidden, self._note, patience_s)
        self._launching = Launching(layout, self._kept, self._pods, self._calls, self._concluding, self._turns)
        self._ending = Ending(self._kept, self._pods, self._calls, self._concluding, self._turns, self._tasks)
        self._observing = Observing(
            self._kept,
            self._pods,
            self._calls,
            self._outputs,
            self._concluding,
            self._ending,
            patience_s,
            answers=nodes.answers if nodes is not None else lambda node: True,
        )
        self._changed: Changed = lambda run_id, observation: None
        self._wrote: Callable[[str], None] = lambda run_id: None

    async def open(self, changed: Changed, wrote: Callable[[str], None]) -> None:
        self._changed = changed
        self._wrote = wrote
        await asyncio.to_thread(self._kept.open)
        await self._api.open()
        self._tasks.spawn(self._pods.watch.follow())
        if self._nodes is not None:
            self._tasks.spawn(self._nodes.follow())
            await self._nodes.listed()
        self._tasks.spawn(self._sweep())

    async def close(self) -> None:
        tasks = [*self._tasks.under_way(), *self._observing.under_way(), *self._outputs.under_way()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._ports.close()
        await self._entrance.close()
        await self._api.close()

    async def launch(self, orders: Sequence[RunOrder]) -> None:
        for order in orders:
            self._tasks.spawn(self._launching.launch(order))

    async def stop(self, run_id: str) -> None:
        await self._ending.stop(run_id)

    async def observe(self, run_ids: Sequence[str]) -> dict[str, Observation]:
        await self._pods.watch.listed.wait()
        seen = await asyncio.gather(*(self._observing.observe(run_id) for run_id in run_ids))
        return dict(zip(run_ids, seen, strict=True))

    async def measure(self, run_ids: Sequence[str]) -> dict[str, Reading]:
        """What pods use is not measured yet."""
        return {}

    async def exec(self, run_id: str, child: Child | str) -> Execution:
        pod, order = await self._living(run_id)
        if isinstance(child, str):
            raise Conflict(f"Nothing with the name {child} runs in the run.", details={"code": "not_started"})
        if child.name is not None:
            message = (
                "Programs that live on beside a job's command (Jupyter, TensorBoard) cannot be started in pods yet."
            )
            raise Conflict(message, details={"code": PROGRAM_UNUSABLE, "program": child.name})
        return await self._entrance.exec(pod, child, order["folder"])

    async def dial(self, run_id: str, port: int) -> socket.socket:
        pod, _ = await self._living(run_id)
        return await self._ports.dial(pod, port)

    def output(self, run_id: str, child: str | None = None) -> Path:
        return self._outputs.path(run_id, child)

    async def forget(self, run_ids: Sequence[str]) -> None:
        await asyncio.gather(*(self._forget(run_id) for run_id in run_ids))

    async def _living(self, run_id: str) -> tuple[Document, dict[str, Any]]:
        """The pod of a run that runs and is not told to stop. Raises Conflict."""
        pod, order = self._pods.get(run_id), await asyncio.to_thread(self._kept.order, run_id)
        verdict = await asyncio.to_thread(self._observing.verdict, run_id)
        stopping = await asyncio.to_thread(self._kept.stop_of, run_id)
        if pod is None or order is None or stopping is not None or not isinstance(verdict, states.Running):
            words = "The job has no run here that one could come into."
            raise Conflict(words, details={"code": "run_not_running"})
        return pod, order

    def _moved(self, run_id: str) -> None:
        """Its pod is another than before, or gone."""
        self._observing.look_at(run_id)

    def _tell(self, run_id: str, seen: Observation) -> None:
        self._changed(run_id, seen)

    def _note(self, run_id: str) -> None:
        self._wrote(run_id)

    async def _sweep(self) -> None:
        """Look again at what has not come to its end, for a word of the watch or an answer that got lost."""
        await self._pods.watch.listed.wait()
        while True:
            for run_id in await asyncio.to_thread(self._kept.unfinished):
                self._tasks.spawn(self._ending.end(run_id))
                self._observing.look_at(run_id)
            await asyncio.sleep(SWEEP_S)

    async def _forget(self, run_id: str) -> None:
        await self._calls.remove(run_id)
        self._concluding.told.pop(run_id, None)
        self._turns.forget(run_id)
        self._observing.forget(run_id)
        await asyncio.to_thread(self._kept.forget, [run_id])
