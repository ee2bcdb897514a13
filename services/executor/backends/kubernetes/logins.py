"""What a pod's image is pulled with: a Secret of its own beside the pod, as long as that is not over.

It is made before the pod and goes when the run is over, as the Secret of what is hidden does (see `hidden`): the order
on this disk says that there may be one.
"""

import base64
import json

from services.executor.backends.kubernetes.api import Api, ApiError, Document
from services.executor.backends.kubernetes.hidden import FOREIGN
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from shared.contracts.commands.secrets import RegistryLogin
from shared.contracts.images import HUB

_KEYS = {HUB: "https://index.docker.io/v1/"}
"""By which name the kubelet looks for a registry's credentials, where that is not its own."""


def login_name(pod: str) -> str:
    """The name of the Secret of a pod of this name."""
    return f"{pod}-pull"


def login_secret(pod: Document, login: RegistryLogin, owner: Document) -> Document:
    """As the kubelet reads it."""
    meta = pod["metadata"]
    pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    entry = {"username": login.username, "password": login.password, "auth": pair}
    config = json.dumps({"auths": {_KEYS.get(login.registry, login.registry): entry}})
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/dockerconfigjson",
        "metadata": {
            "name": login_name(meta["name"]),
            "labels": meta["labels"],
            "annotations": {names.RUN: meta["annotations"][names.RUN]},
            "ownerReferences": [owner],
        },
        "data": {".dockerconfigjson": base64.b64encode(config.encode()).decode()},
    }


class PullSecrets:
    """Of the runs of one cluster. Raises ApiError, ClusterAway."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._gone: set[str] = set()
        """Runs whose Secrets are removed."""

    async def keep(self, order: RunOrder, pod: Document, owner: Document) -> None:
        """Before the pod is made. A launch that is repeated may bring others than the one before it: these count."""
        if order.login is None:
            return
        namespace, document = pod["metadata"]["namespace"], login_secret(pod, order.login, owner)
        try:
            await self._api.create(f"/api/v1/namespaces/{namespace}/secrets", document)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            await self._read(order.run_id, namespace)
            await self._api.patch(_path(order.run_id, namespace), {"data": document["data"]})

    async def remove(self, run_id: str, namespace: str) -> None:
        """Nothing is pulled for the run any more."""
        if run_id in self._gone:
            return
        try:
            secret = await self._read(run_id, namespace)
            await self._api.delete(_path(run_id, namespace), {"preconditions": {"uid": secret["metadata"]["uid"]}})
        except ApiError as error:
            if error.status not in (404, 409):  # it is gone, or another one by now
                raise
        self._gone.add(run_id)

    def forget(self, run_id: str) -> None:
        """Nobody asks for the run any more."""
        self._gone.discard(run_id)

    async def _read(self, run_id: str, namespace: str) -> Document:
        """The run's Secret. Raises ApiError (FOREIGN when it is somebody else's)."""
        secret = await self._api.get(_path(run_id, namespace))
        if (secret["metadata"].get("annotations") or {}).get(names.RUN) != run_id:
            name = secret["metadata"]["name"]
            raise ApiError(409, FOREIGN, f"A Secret with the name {name} is there that was not made for the run.")
        return secret


def _path(run_id: str, namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/secrets/{login_name(names.pod_name(run_id))}"
