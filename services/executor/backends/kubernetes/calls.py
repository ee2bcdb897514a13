"""What the API server is asked for a run's pod: to make it, to show it, to delete it, to let it go.

Each is safe to repeat, also by the next executor process: a pod is made under its run's own name, deleted by its uid,
and taken for the run's only if it carries the run's id.
"""

import asyncio

import structlog

from services.executor.backends.kubernetes.api import Api, ApiError, ClusterAway, Document
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.logins import PullSecrets
from services.executor.backends.kubernetes.manifest import grace_s
from services.executor.backends.kubernetes.namespaces import Namespaces
from services.executor.backends.kubernetes.pods import Pods, annotations_of, owner_of, path_of
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from services.executor.domain.observation import Refused
from shared.contracts.job import Reason

log = structlog.get_logger()


class Calls:
    """What the answers say of pods goes to `pods`."""

    def __init__(self, api: Api, kept: Kept, pods: Pods, namespaces: Namespaces, hidden: HiddenTexts) -> None:
        self._api = api
        self._kept = kept
        self._pods = pods
        self._namespaces = namespaces
        self._hidden = hidden
        self._logins = PullSecrets(api)

    async def create(self, run_id: str, vc: str, document: Document, order: RunOrder | None = None) -> Refused | None:
        """Idempotent by name: who finds one of that name takes it as it is. The cluster's refusal, if it is one.

        A cluster that is away is asked again by whoever wants the pod. Raises ClusterAway when there is a pod of that
        name which cannot be read now, or is not the run's.
        """
        namespace = document["metadata"]["namespace"]
        try:
            owner = await self._namespaces.anchor(namespace, vc)
            document["metadata"]["ownerReferences"] = [owner]
            if order is not None:
                await self._hidden.keep(order, document, owner)
                await self._logins.keep(order.login, document, owner)
            self._pods.take(await self._api.create(f"/api/v1/namespaces/{namespace}/pods", document))
        except ClusterAway as error:
            log.warning("pod_not_created", run_id=run_id, error=str(error))
        except ApiError as error:
            if error.reason == "AlreadyExists":
                await self.read(run_id)
            elif error.status == 404:
                self._namespaces.forget(namespace)
                log.warning("pod_not_created", run_id=run_id, error=error.message)
            else:
                await self._drop_secret(run_id, document)
                words = f"The cluster refused the run's pod: {error.message}"
                busy = "exceeded quota" in error.message
                return Refused(
                    Reason(code="cluster_refused", message=words, details={"said": error.message}), busy=busy
                )
        return None

    async def read(self, run_id: str) -> Document | None:
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

    async def delete(self, pod: Document) -> None:
        """This very pod, with its grace period, and no later one of its name. Raises ClusterAway."""
        grace = grace_s(float(annotations_of(pod).get(names.GRACE, 0)))
        options = {"gracePeriodSeconds": grace, "preconditions": {"uid": pod["metadata"]["uid"]}}
        try:
            await self._api.delete(path_of(pod), options)
        except ApiError as error:
            if error.status not in (404, 409):
                raise ClusterAway(str(error)) from error

    async def release(self, run_id: str) -> None:
        """Take the finalizer away, and the Secret: all that is to be known of the pod is kept here."""
        pod = self._pods.get(run_id)
        if pod is None or names.FINALIZER not in pod["metadata"].get("finalizers", ()):
            return
        await self._drop_secret(run_id, pod)
        others = [name for name in pod["metadata"]["finalizers"] if name != names.FINALIZER]
        change = {"metadata": {"uid": pod["metadata"]["uid"], "finalizers": others}}
        try:
            self._pods.take(await self._api.patch(path_of(pod), change))
        except ApiError as error:
            if error.status not in (404, 409):
                log.warning("pod_not_released", run_id=run_id, error=str(error))
        except ClusterAway as error:
            log.warning("pod_not_released", run_id=run_id, error=str(error))

    async def remove(self, run_id: str) -> None:
        """Nobody asks for the run any more, so its name need not be kept."""
        pod = self._pods.get(run_id)
        if pod is not None:
            await self.release(run_id)
            try:
                await self.delete(pod)
            except ClusterAway as error:
                log.warning("pod_not_removed", run_id=run_id, error=str(error))

    async def _drop_secret(self, run_id: str, pod: Document) -> None:
        """One that is left over goes with the namespace's ConfigMap."""
        try:
            await self._hidden.remove(run_id, pod)
            await self._logins.remove(pod)
        except (ApiError, ClusterAway) as error:
            log.warning("secret_not_removed", run_id=run_id, error=str(error))
