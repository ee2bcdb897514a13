"""What the API server is asked for a run's pod: to make it, to show it, to delete it, to let it go.

Each is safe to repeat, also by the next executor process: a pod is made under its run's own name, deleted by its uid,
and taken for the run's only inside the fence (see `pod_fence`). A trouble of the cluster that passes ends no run.
"""

import asyncio

import structlog

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.fences import Fences
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Unplaceable
from services.executor.backends.kubernetes.logins import PullSecrets
from services.executor.backends.kubernetes.manifest import grace_s
from services.executor.backends.kubernetes.namespaces import closed
from services.executor.backends.kubernetes.pods import Pods, annotations_of, path_of
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway
from services.executor.backends.kubernetes.run_secrets import FOREIGN
from services.executor.backends.protocol import RunOrder
from services.executor.domain import cluster_refusals
from services.executor.domain import pod_names as names
from services.executor.domain.closed_namespaces import ClosedNamespaces
from services.executor.domain.observation import Refused
from services.executor.domain.pod_fence import Fence, Foreign
from shared.contracts.job import Reason

log = structlog.get_logger()


class Calls:
    """What the answers say of pods goes to `pods`. `patience_s`: how long a namespace has to be closed to be that."""

    def __init__(
        self,
        api: Api,
        fence: Fence,
        kept: Kept,
        pods: Pods,
        fences: Fences,
        hidden: HiddenTexts,
        patience_s: float = 0.0,
    ) -> None:
        self._api = api
        self._fence = fence
        self._kept = kept
        self._pods = pods
        self._fences = fences
        self._hidden = hidden
        self._logins = PullSecrets(api)
        self._closed = ClosedNamespaces(patience_s)
        self.unreleased: set[str] = set()
        """Runs that have ended and whose pod or Secret could not be let go: the sweep asks again."""

    async def create(self, run_id: str, vc: str, document: Document, order: RunOrder | None = None) -> Refused | None:
        """Idempotent by name: who finds one of that name takes it as it is. The cluster's refusal, if it is one.

        A cluster that is away, or cannot let the pod in at the moment, is asked again by whoever wants the pod. What
        is refused may be there all the same: the API server looks at quotas before it looks at names, so a create that
        is repeated, since its answer was lost, is refused for the quota that its own pod has filled.
        """
        namespace = document["metadata"]["namespace"]
        try:
            owner = await self._fences.around(namespace, vc)
            document["metadata"]["ownerReferences"] = [owner]
            if order is not None:
                await self._hidden.keep(order, document, owner)
                await self._logins.keep(order, document, owner)
                await self._fences.between(document, owner)
            await self._make(run_id, namespace, document)
            self._closed.open(namespace)
        except ClusterAway as error:
            log.warning("pod_not_created", run_id=run_id, error=str(error))
        except Unplaceable as error:
            return await self.unless_there(run_id, namespace, Refused(error.reason))
        except ApiError as error:
            if cluster_refusals.forbids(error.status, error.message):
                log.warning("namespace_closed", run_id=run_id, namespace=namespace, error=str(error))
                if not self._closed.is_closed(namespace, asyncio.get_running_loop().time()):
                    return None
                refused = Refused(closed(namespace, vc, cluster_refusals.unnamed(error.message)).reason)
                return await self.unless_there(run_id, namespace, refused)
            foreign = error.reason == FOREIGN
            if foreign or not cluster_refusals.passes(error.status, error.message, error.causes):
                words = f"The cluster refused the run's pod: {error.message}"
                reason = Reason(code="cluster_refused", message=words, details={"said": error.message})
                of_namespace = foreign or cluster_refusals.exceeds_quota(error.message)
                refused = Refused(reason, busy=of_namespace, own=of_namespace)
                return await self.unless_there(run_id, namespace, refused)
            self._fences.forget(namespace)
            log.warning("pod_not_created", run_id=run_id, error=str(error))
        return None

    async def unless_there(self, run_id: str, namespace: str, refused: Refused) -> Refused | None:
        """Nothing is refused whose pod is there, or may be. Who may not look for it may not have made it either."""
        try:
            await self._take(run_id, namespace)
        except ApiError:
            return refused
        except ClusterAway as error:
            log.warning("refusal_not_believed", run_id=run_id, reason=refused.reason.message, error=str(error))
        return None

    async def read(self, run_id: str) -> Document | None:
        """The pod as it is, asked of the API server itself. Raises ClusterAway."""
        order = await asyncio.to_thread(self._kept.order, run_id)
        if order is None:
            return None
        try:
            await self._take(run_id, order["namespace"])
        except ApiError as error:
            if error.status != 404 and error.reason != FOREIGN:
                raise ClusterAway(str(error)) from error
            self._pods.forget(run_id)
        return self._pods.get(run_id)

    async def delete(self, pod: Document) -> None:
        """This very pod, with its grace period, and no later one of its name. Raises ClusterAway."""
        grace = grace_s(float(annotations_of(pod).get(names.GRACE, 0)))
        options = {"gracePeriodSeconds": grace, "preconditions": {"uid": pod["metadata"]["uid"]}}
        try:
            await self._api.delete(path_of(pod), options)
        except ApiError as error:
            _unless_gone(error)

    async def discard(self, run_id: str, uid: str) -> None:
        """The run's pod with this uid is of no use: it goes, and leaves its name to the next. Raises ClusterAway."""
        pod = self._pods.get(run_id)
        if pod is None or pod["metadata"]["uid"] != uid:
            return
        await self._unhold(run_id)
        if not pod["metadata"].get("deletionTimestamp"):
            await self.delete(pod)

    async def release(self, run_id: str) -> None:
        """Take the finalizer away, and the Secret: all that is to be known of the pod is kept here."""
        try:
            await self._let_go(run_id)
            self.unreleased.discard(run_id)
        except ClusterAway as error:
            self.unreleased.add(run_id)
            log.warning("pod_not_released", run_id=run_id, error=str(error))

    async def remove(self, run_id: str) -> None:
        """Nobody asks for the run any more, so its name need not be kept. Raises ClusterAway: it is there yet."""
        pod = self._pods.get(run_id) or await self.read(run_id)
        await self._let_go(run_id)
        if pod is not None:
            await self.delete(pod)
        self._hidden.forget(run_id)
        self._logins.forget(run_id)
        self.unreleased.discard(run_id)

    async def _make(self, run_id: str, namespace: str, document: Document) -> None:
        try:
            self._pods.take(await self._api.create(f"/api/v1/namespaces/{namespace}/pods", document))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            await self._take(run_id, namespace)

    async def _take(self, run_id: str, namespace: str) -> None:
        """Have the run's pod known as it is. Raises ApiError (FOREIGN when it is somebody else's), ClusterAway."""
        pod = await self._api.get(f"/api/v1/namespaces/{namespace}/pods/{names.pod_name(run_id)}")
        try:
            self._fence.rank_of(pod)
        except Foreign as error:
            words = f"A pod with the name {pod['metadata']['name']} is there that was not made for the run: {error}."
            raise ApiError(409, FOREIGN, words) from error
        self._pods.take(pod)

    async def _let_go(self, run_id: str) -> None:
        """Raises ClusterAway."""
        await self._unhold(run_id)
        order = await asyncio.to_thread(self._kept.order, run_id) or {}
        try:
            if order.get("secret"):
                await self._hidden.remove(run_id, order["namespace"])
            if order.get("login"):
                await self._logins.remove(run_id, order["namespace"])
        except ApiError as error:
            raise ClusterAway(str(error)) from error

    async def _unhold(self, run_id: str) -> None:
        """Take the finalizer off the pod as it is now, and nobody else's with it. Raises ClusterAway."""
        pod = self._pods.get(run_id)
        while pod is not None and names.FINALIZER in (held := pod["metadata"].get("finalizers", ())):
            others = [name for name in held if name != names.FINALIZER]
            this = {key: pod["metadata"][key] for key in ("uid", "resourceVersion")}
            try:
                left = await self._api.patch(path_of(pod), {"metadata": {**this, "finalizers": others}})
            except ApiError as error:
                _unless_gone(error)
                pod = await self.read(run_id)
                if pod is None or pod["metadata"]["uid"] != this["uid"]:
                    return
                if pod["metadata"]["resourceVersion"] == this["resourceVersion"]:
                    raise ClusterAway(str(error)) from error
            else:
                if not left["metadata"].get("deletionTimestamp"):  # else it may be gone, and the watch have said so
                    self._pods.take(left)
                return


def _unless_gone(error: ApiError) -> None:
    """What is not there any more, or is another one by now, needs no asking. Raises ClusterAway for all else."""
    if error.status not in (404, 409):
        raise ClusterAway(str(error)) from error
