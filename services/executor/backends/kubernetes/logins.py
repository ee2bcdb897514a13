"""What a pod's image is pulled with: a Secret of its own beside the pod, as long as that is not over.

It is made before the pod and goes when the run is over (see `run_secrets`): the order on this disk says that there may
be one.
"""

import base64
import json

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.run_secrets import RunSecrets, secret
from services.executor.backends.protocol import RunOrder
from shared.contracts.commands.secrets import RegistryLogin
from shared.contracts.images import HUB

_KEYS = {HUB: "https://index.docker.io/v1/"}
"""By which name the kubelet looks for a registry's credentials, where that is not its own."""


def login_name(pod: str) -> str:
    """The name of the Secret of a pod of this name."""
    return f"{pod}-pull"


def login_secret(pod: Document, login: RegistryLogin, owner: Document) -> Document:
    """As the kubelet reads it."""
    name = login_name(pod["metadata"]["name"])
    return secret(pod, owner, name, _values(login), kind="kubernetes.io/dockerconfigjson")


class PullSecrets:
    """Of the runs of one cluster. Raises ApiError, ClusterAway."""

    def __init__(self, api: Api) -> None:
        self._secrets = RunSecrets(api, login_name)

    async def keep(self, order: RunOrder, pod: Document, owner: Document) -> None:
        """Before the pod is made. A launch that is repeated may bring others than the one before it: these count."""
        if order.login is None:
            return
        namespace = pod["metadata"]["namespace"]
        if not await self._secrets.make(namespace, login_secret(pod, order.login, owner)):
            await self._secrets.read(order.run_id, namespace)
            await self._secrets.change(order.run_id, namespace, _values(order.login))

    async def remove(self, run_id: str, namespace: str) -> None:
        """Nothing is pulled for the run any more."""
        await self._secrets.remove(run_id, namespace)

    def forget(self, run_id: str) -> None:
        """Nobody asks for the run any more."""
        self._secrets.forget(run_id)


def _values(login: RegistryLogin) -> dict[str, str]:
    pair = base64.b64encode(f"{login.username}:{login.password}".encode()).decode()
    entry = {"username": login.username, "password": login.password, "auth": pair}
    return {".dockerconfigjson": json.dumps({"auths": {_KEYS.get(login.registry, login.registry): entry}})}
