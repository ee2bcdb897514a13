"""The backend `kubernetes`: one pod per rank, in a cluster that others may use too.

A run's pod has the run's name, so the API server itself refuses to make it twice; a finalizer keeps it until its
result and its output are stored here. What a watch tells only makes this look: `observe` says what the files and the
pods are, and a pod counts as gone only when it was asked for and is not there.
"""

import asyncio
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import structlog

from services.executor.backends.kubernetes import manifest
from services.executor.backends.kubernetes.api import Api, ApiError, ClusterAway, Document
from services.executor.backends.kubernetes.entrance import Entrance
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import OUTPUT, Kept
from services.executor.backends.kubernetes.logs import OutputFile, PodLog, add_sentence
from services.executor.backends.kubernetes.namespaces import Namespaces
from services.executor.backends.kubernetes.nodes import ClusterNodes
from services.executor.backends.kubernetes.ownership import give
from services.executor.backends.kubernetes.pods import Pods, owner_of
from services.executor.backends.kubernetes.ports import Ports
from services.executor.backends.protocol import Changed, Execution, RunOrder
from services.executor.domain import pod_names as names
from services.executor.domain import pod_states as states
from services.executor.domain.observation import (
    Cancelled,
    Ended,
    Lost,
    Observation,
    Refused,
    Started,
    Waiting,
)
from services.executor.domain.reading import Reading
from services.executor.domain.record import rank_of
from shared.contracts.errors import Conflict
from shared.contracts.job import Reason
from shared.contracts.streams import Child

log = structlog.get_logger()

AT_ONCE = 32
"""Calls that may be under way to the API server for launches and stops."""
SWEEP_S = 5.0
MEET_S = 0.1
POD_GONE = Reason(code="pod_gone", message="The run's pod was removed from the cluster before its result was stored.")


class KubernetesBackend:
    """The runs of one cluster, in `folder` what is kept of them here."""

    uses_images = True

    def __init__(
        self,
        api: Api,
        folder: Path,
        layout: manifest.Layout,
        create_namespaces: bool = True,
        patience_s: float = 60.0,
        nodes: ClusterNodes | None = None,
    ) -> None:
        self._api = api
        self._layout = layout
        self._kept = Kept(folder)
        self._pods = Pods(api, layout.executor, self._notice)
        self._namespaces = Namespaces(api, create_namespaces)
        self._entrance = Entrance(api)
        self._ports = Ports(api, self._entrance.run)
        self._patience_s = patience_s
        self._nodes = nodes
        self._calls = asyncio.Semaphore(AT_ONCE)
        self._locks: dict[str, asyncio.Lock] = {}
        self._hidden = HiddenTexts(api)
        self._logs: dict[str, tuple[PodLog, asyncio.Task[None]]] = {}
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._again: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._told: dict[str, Observation] = {}
        self._hindered: dict[str, float] = {}
        self._changed: Changed = lambda run_id, observation: None
        self._wrote: Callable[[str], None] = lambda run_id: None

    async def open(self, changed: Changed, wrote: Callable[[str], None]) -> None:
        self._changed = changed
        self._wrote = wrote
        await asyncio.to_thread(self._kept.open)
        await self._api.open()
        self._spawn(self._pods.watch.follow())
        if self._nodes is not None:
            self._spawn(self._nodes.follow())
            await self._nodes.listed()
        self._spawn(self._sweep())

    async def close(self) -> None:
        tasks = [*self._tasks, *self._looks.values(), *(task for _, task in self._logs.values())]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._ports.close()
        await self._entrance.close()
        await self._api.close()

    async def launch(self, orders: Sequence[RunOrder]) -> None:
        for order in orders:
            self._spawn(self._launch(order))

    async def stop(self, run_id: str) -> None:
        await asyncio.to_thread(self._kept.ask_to_stop, run_id, {"at_ns": time.time_ns()})
        lock = self._lock(run_id)
        if not lock.locked():
            async with lock:
                if await asyncio.to_thread(self._never_ordered, run_id):
                    await self._conclude(run_id, Cancelled(time.time_ns()))
                    return
        self._spawn(self._end(run_id))

    async def observe(self, run_ids: Sequence[str]) -> dict[str, Observation]:
        await self._pods.watch.listed.wait()
        seen = await asyncio.gather(*(self._observe(run_id) for run_id in run_ids))
        return dict(zip(run_ids, seen, strict=True))

    async def measure(self, run_ids: Sequence[str]) -> dict[str, Reading]:
        """What pods use is not measured yet."""
        return {}

    async def exec(self, run_id: str, child: Child | str) -> Execution:
        pod, order = await self._living(run_id)
        if isinstance(child, str):
            raise Conflict(f"Nothing with the name {child} runs in the run.", details={"code": "not_started"})
        return await self._entrance.exec(pod, child, order["folder"])

    async def dial(self, run_id: str, port: int) -> socket.socket:
        pod, _ = await self._living(run_id)
        return await self._ports.dial(pod, port)

    async def _living(self, run_id: str) -> tuple[Document, dict[str, Any]]:
        """The pod of a run that runs and is not told to stop. Raises Conflict."""
        pod, order = self._pods.get(run_id), await asyncio.to_thread(self._kept.order, run_id)
        verdict = await asyncio.to_thread(self._verdict, run_id)
        stopping = await asyncio.to_thread(self._kept.stop_of, run_id)
        if pod is None or order is None or stopping is not None or not isinstance(verdict, states.Running):
            words = "The job has no run here that one could come into."
            raise Conflict(words, details={"code": "run_not_running"})
        return pod, order

    def output(self, run_id: str, child: str | None = None) -> Path:
        return self._kept.path(run_id, OUTPUT if child is None else f".{child}{OUTPUT}")

    async def forget(self, run_ids: Sequence[str]) -> None:
        await asyncio.gather(*(self._forget(run_id) for run_id in run_ids))

    # --- start and stop

    async def _launch(self, order: RunOrder) -> None:
        """Make the pod, unless the run has been here; what cannot be asked of the cluster now is asked for again."""
        run_id = order.run_id
        if order.rank > 0 and not await asyncio.to_thread(self._is_known, run_id):
            address = await self._meeting_point(order)
            if address is None:
                return
            order = replace(order, env=order.env | {manifest.MASTER_ADDR: address})
        async with self._lock(run_id), self._calls:
            if await asyncio.to_thread(self._is_known, run_id):
                return
            try:
                document = manifest.pod(order, self._layout)
            except manifest.Unplaceable as error:
                await self._conclude(run_id, Refused(Reason(code=error.code, message=error.message)))
                return
            meta = document["metadata"]
            facts = {
                "namespace": meta["namespace"],
                "vc": order.vc,
                "folder": str(order.cwd),
                "tombstone": manifest.tombstone(order, self._layout),
            }
            folders = (order.folders.job, order.folders.checkpoints)
            await asyncio.to_thread(give, folders, self._layout.user, self._layout.group)
            await asyncio.to_thread(self._kept.keep_order, run_id, facts)
            await self._create(run_id, order.vc, document, order)

    async def _meeting_point(self, order: RunOrder) -> str | None:
        """The address of rank 0's pod, where the ranks meet; none if this rank is not to start any more."""
        first, _ = rank_of(order.run_id)
        while True:
            stopped, over = await asyncio.to_thread(lambda: (self._kept.stop_of(order.run_id), self._kept.end(first)))
            if stopped is not None or over is not None:
                return None
            pod = self._pods.get(first)
            if pod is not None and (address := pod["status"].get("podIP")):
                return str(address)
            await asyncio.sleep(MEET_S)

    def _never_ordered(self, run_id: str) -> bool:
        """Nothing was ever asked of the cluster for it: what is asked for is written down before."""
        return self._kept.order(run_id) is None and self._kept.end(run_id) is None

    def _is_known(self, run_id: str) -> bool:
        return self._pods.get(run_id) is not None or any(
            kept(run_id) is not None for kept in (self._kept.end, self._kept.stop_of)
        )

    async def _create(self, run_id: str, vc: str, document: Document, order: RunOrder | None = None) -> None:
        """Idempotent by name: who finds one of that name takes it as it is. Raises nothing."""
        namespace = document["metadata"]["namespace"]
        path = f"/api/v1/namespaces/{namespace}/pods"
        try:
            owner = await self._namespaces.anchor(namespace, vc)
            document["metadata"]["ownerReferences"] = [owner]
            if order is not None:
                await self._hidden.keep(order, document, owner)
            self._pods.take(await self._api.create(path, document))
        except ClusterAway as error:
            log.warning("pod_not_created", run_id=run_id, error=str(error))
        except ApiError as error:
            if error.reason == "AlreadyExists":
                await self._read(run_id)
            elif error.status == 404:
                self._namespaces.forget(namespace)
                log.warning("pod_not_created", run_id=run_id, error=error.message)
            else:
                busy = "exceeded quota" in error.message
                words = f"The cluster refused the run's pod: {error.message}"
                await self._drop_secret(run_id, document)
                await self._conclude(run_id, Refused(Reason(code="cluster_refused", message=words), busy=busy))

    async def _end(self, run_id: str) -> None:
        """Have the pod deleted with its grace period, or its name buried. Repeated by the sweep until it is so."""
        async with self._lock(run_id), self._calls:
            try:
                pod = self._pods.get(run_id) or await self._read(run_id)
                if pod is None:
                    order = await asyncio.to_thread(self._kept.order, run_id)
                    if order is None:
                        await self._conclude(run_id, Cancelled(time.time_ns()))
                    elif await asyncio.to_thread(self._kept.end, run_id) is None:
                        await self._create(run_id, order["vc"], order["tombstone"])
                elif not pod["metadata"].get("deletionTimestamp") and names.TOMBSTONE not in _annotations(pod):
                    await self._delete(pod)
            except ClusterAway as error:
                log.warning("pod_not_stopped", run_id=run_id, error=str(error))

    async def _delete(self, pod: Document) -> None:
        """This very pod, and no later one of its name."""
        grace = manifest.grace_s(float(_annotations(pod).get(names.GRACE, 0)))
        options = {"gracePeriodSeconds": grace, "preconditions": {"uid": pod["metadata"]["uid"]}}
        try:
            await self._api.delete(_path(pod), options)
        except ApiError as error:
            if error.status not in (404, 409):
                raise ClusterAway(str(error)) from error

    async def _read(self, run_id: str) -> Document | None:
        """The pod as it is, asked of the API server itself. Raises ClusterAway."""
        order = await asyncio.to_thread(self._kept.order, run_id)
        if order is None:
            return None
        try:
            pod = await self._api.get(f"/api/v1/namespaces/{order['namespace']}/pods/{names.pod_name(run_id)}")
        except ApiError as error:
            if error.status != 404:
                raise ClusterAway(str(error)) from error
            self._pods.forget(run_id)
            return None
        if owner_of(pod) != run_id:
            raise ClusterAway(f"the pod {pod['metadata']['name']} is not Jobyard's")
        self._pods.take(pod)
        return self._pods.get(run_id)

    # --- what becomes of it

    async def _observe(self, run_id: str) -> Observation:
        end = await asyncio.to_thread(self._kept.end, run_id)
        if end is not None:
            return end
        self._look_at(run_id)
        verdict = await asyncio.to_thread(self._verdict, run_id)
        if isinstance(verdict, states.Running):
            return self._told.setdefault(run_id, Started(verdict.started_ns))
        return self._told.get(run_id, Waiting())

    def _verdict(self, run_id: str) -> states.Verdict | None:
        pod = self._pods.get(run_id)
        return None if pod is None else states.verdict(pod, self._kept.stop_of(run_id) is not None)

    def _notice(self, run_id: str) -> None:
        """Its pod has changed."""
        self._look_at(run_id)

    def _look_at(self, run_id: str) -> None:
        """One look at a time, and another one for what changed meanwhile."""
        self._again.add(run_id)
        if run_id not in self._looks:
            task = asyncio.get_running_loop().create_task(self._look(run_id), name=run_id)
            self._looks[run_id] = task
            task.add_done_callback(lambda task: self._looked(run_id, task))

    def _looked(self, run_id: str, task: "asyncio.Task[None]") -> None:
        self._looks.pop(run_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("look_failed", run_id=run_id, exc_info=error)

    async def _look(self, run_id: str) -> None:
        while run_id in self._again:
            self._again.discard(run_id)
            if await asyncio.to_thread(self._kept.end, run_id) is not None:
                await self._release(run_id)
                continue
            try:
                await self._advance(run_id)
            except ClusterAway as error:
                log.info("look_again", run_id=run_id, error=str(error))

    async def _advance(self, run_id: str) -> None:
        """Take the run as far as its pod has come. Raises ClusterAway."""
        verdict = await asyncio.to_thread(self._verdict, run_id)
        if verdict is None:
            await self._missed(run_id)
        elif isinstance(verdict, states.Pending):
            await self._hinder(run_id, verdict.obstacle)
        elif isinstance(verdict, states.Running):
            self._hindered.pop(run_id, None)
            await self._follow(run_id)
            self._tell(run_id, Started(verdict.started_ns))
        elif isinstance(verdict, states.Over):
            await self._over(run_id, verdict)
        elif isinstance(verdict, states.NeverStarted):
            await self._conclude(run_id, await asyncio.to_thread(self._never, run_id, verdict.obstacle))
        elif isinstance(verdict, states.Taken):
            await self._finish_log(run_id)
            await self._conclude(run_id, Lost(verdict.reason))
        else:
            await self._conclude(run_id, Cancelled(verdict.at_ns))

    async def _missed(self, run_id: str) -> None:
        """No pod is known: it was never made, or it is gone. Raises ClusterAway."""
        if run_id in self._told and await self._read(run_id) is None:
            await self._conclude(run_id, Lost(POD_GONE))

    async def _hinder(self, run_id: str, obstacle: states.Obstacle | None) -> None:
        """Give a pod that does not start its time, then give it up, and see that it never starts."""
        if obstacle is None:
            self._hindered.pop(run_id, None)
            return
        now = asyncio.get_running_loop().time()
        since = self._hindered.setdefault(run_id, now)
        if obstacle.patience and now - since < self._patience_s:
            asyncio.get_running_loop().call_later(self._patience_s / 4, self._look_at, run_id)
            return
        log.info("pod_given_up", run_id=run_id, reason=obstacle.reason.code)
        given_up = {"refused": obstacle.reason.model_dump(mode="json"), "busy": obstacle.busy}
        await asyncio.to_thread(self._kept.ask_to_stop, run_id, {"at_ns": time.time_ns(), **given_up})
        self._spawn(self._end(run_id))

    def _never(self, run_id: str, obstacle: states.Obstacle) -> Observation:
        """How a run is to be called that ended without having begun: stopped, given up, or refused by the node."""
        asked = self._kept.stop_of(run_id)
        if asked is None:
            return Refused(obstacle.reason, busy=obstacle.busy)
        if "refused" in asked:
            return Refused(Reason.model_validate(asked["refused"]), busy=asked["busy"])
        return Cancelled(asked["at_ns"])

    async def _over(self, run_id: str, over: states.Over) -> None:
        size = await self._finish_log(run_id)
        last_ns = await asyncio.to_thread(self._last_line, run_id)
        if over.reason is not None:
            size = await asyncio.to_thread(add_sentence, self.output(run_id), over.ended_ns, over.reason.message)
        end = Ended(
            started_ns=over.started_ns,
            ended_ns=max(over.ended_ns, last_ns),
            exit_code=over.exit_code,
            signal=over.signal,
            stopped=over.stopped,
            forced=over.forced,
            output_bytes=size,
        )
        await self._conclude(run_id, end)

    def _last_line(self, run_id: str) -> int:
        return OutputFile(self.output(run_id)).position.time_ns

    async def _conclude(self, run_id: str, end: Observation) -> None:
        """Keep how it ended, then let the pod go, then say so."""
        await asyncio.to_thread(self._kept.conclude, run_id, end)
        await self._release(run_id)
        self._tell(run_id, end)

    async def _release(self, run_id: str) -> None:
        """Take the finalizer away: all that is to be known of the pod is kept here."""
        pod = self._pods.get(run_id)
        if pod is None or names.FINALIZER not in pod["metadata"].get("finalizers", ()):
            return
        await self._drop_secret(run_id, pod)
        others = [name for name in pod["metadata"]["finalizers"] if name != names.FINALIZER]
        change = {"metadata": {"uid": pod["metadata"]["uid"], "finalizers": others}}
        try:
            self._pods.take(await self._api.patch(_path(pod), change))
        except ApiError as error:
            if error.status not in (404, 409):
                log.warning("pod_not_released", run_id=run_id, error=str(error))
        except ClusterAway as error:
            log.warning("pod_not_released", run_id=run_id, error=str(error))

    async def _drop_secret(self, run_id: str, pod: Document) -> None:
        """One that is left over goes with the namespace's ConfigMap."""
        try:
            await self._hidden.remove(run_id, pod)
        except (ApiError, ClusterAway) as error:
            log.warning("secret_not_removed", run_id=run_id, error=str(error))

    def _tell(self, run_id: str, seen: Observation) -> None:
        if self._told.get(run_id) != seen:
            self._told[run_id] = seen
            self._changed(run_id, seen)

    # --- what it writes

    async def _follow(self, run_id: str) -> None:
        pod = self._pods.get(run_id)
        if run_id in self._logs or pod is None:
            return
        copier = await self._log_of(run_id, pod)
        self._logs[run_id] = (copier, asyncio.get_running_loop().create_task(copier.follow(), name=f"log {run_id}"))

    async def _log_of(self, run_id: str, pod: Document) -> PodLog:
        """Raises ClusterAway while nobody knows what is to be masked in it: then nothing of it is stored."""
        try:
            hidden = await self._hidden.of(run_id, pod)
        except ApiError as error:
            raise ClusterAway(str(error)) from error
        return PodLog(self._api, _path(pod), self.output(run_id), hidden, lambda: self._wrote(run_id))

    async def _finish_log(self, run_id: str) -> int:
        """All that the pod has written is stored; how large the file is. Raises ClusterAway."""
        pod = self._pods.get(run_id)
        copier, task = self._logs.get(run_id, (None, None))
        if task is not None:
            await asyncio.wait((task,))
        if copier is None and pod is not None:
            copier = await self._log_of(run_id, pod)
        size = await copier.finish() if copier is not None else 0
        self._logs.pop(run_id, None)
        return size

    # --- keeping at it

    async def _sweep(self) -> None:
        """Look again at what has not come to its end, for a word of the watch or an answer that got lost."""
        await self._pods.watch.listed.wait()
        while True:
            for run_id in await asyncio.to_thread(self._kept.unfinished):
                self._spawn(self._end(run_id))
                self._look_at(run_id)
            await asyncio.sleep(SWEEP_S)

    async def _forget(self, run_id: str) -> None:
        pod = self._pods.get(run_id)
        if pod is not None:
            await self._release(run_id)
            try:
                await self._delete(pod)
            except ClusterAway as error:
                log.warning("pod_not_removed", run_id=run_id, error=str(error))
        for known in (self._told, self._locks, self._hindered):
            known.pop(run_id, None)
        await asyncio.to_thread(self._kept.forget, [run_id])

    def _lock(self, run_id: str) -> asyncio.Lock:
        return self._locks.setdefault(run_id, asyncio.Lock())

    def _spawn(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("cluster_task_failed", exc_info=error)


def _path(pod: Document) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"


def _annotations(pod: Document) -> dict[str, str]:
    found: dict[str, str] = pod["metadata"].get("annotations", {})
    return found
