"""What a pod's image is pulled with: a Secret of its own beside the pod, as long as that is not over.

It is made before the pod and goes with its finalizer, so none is left behind of a run that is forgotten. It belongs to
the namespace's ConfigMap like all else.
"""

import base64
import json

from services.executor.backends.kubernetes.api import Api, ApiError, Document
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

    async def keep(self, login: RegistryLogin | None, pod: Document, owner: Document) -> None:
        """Before the pod is made."""
        if login is None:
            return
        try:
            await self._api.create(_path(pod), login_secret(pod, login, owner))
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    async def remove(self, pod: Document) -> None:
        """Nothing is pulled for this pod any more."""
        meta = pod["metadata"]
        if names.LOGIN in meta.get("annotations", {}):
            try:
                await self._api.delete(f"{_path(pod)}/{login_name(meta['name'])}", {})
            except ApiError as error:
                if error.status != 404:
                    raise


def _path(pod: Document) -> str:
    return f"/api/v1/namespaces/{pod['metadata']['namespace']}/secrets"
