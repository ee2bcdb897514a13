"""What must not be seen of a run: in the cluster as a Secret beside its pod, so that the next executor masks it too.

Variables that hold such a value come from the Secret, and so stand in no pod's document. It goes once the run is over.
"""

import base64
import json
from collections.abc import Sequence

from services.executor.backends.kubernetes.api import Api, ApiError, Document
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names

_HIDDEN = "jobyard.hidden"
"""No variable's name: the texts themselves."""


def concealed(order: RunOrder) -> dict[str, str]:
    """The variables of the order that hold something hidden."""
    return {name: value for name, value in order.env.items() if any(text in value for text in order.hidden)}


class HiddenTexts:
    """Of the runs of one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, tuple[str, ...]] = {}

    async def keep(self, order: RunOrder, pod: Document, owner: Document) -> None:
        """Before the pod is made. Raises ApiError, ClusterAway."""
        self._known[order.run_id] = order.hidden
        if not order.hidden:
            return
        meta = pod["metadata"]
        values = {**concealed(order), _HIDDEN: json.dumps(order.hidden)}
        document = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": meta["name"],
                "labels": meta["labels"],
                "annotations": {names.RUN: order.run_id},
                "ownerReferences": [owner],
            },
            "data": {name: base64.b64encode(value.encode()).decode() for name, value in values.items()},
        }
        try:
            await self._api.create(f"/api/v1/namespaces/{meta['namespace']}/secrets", document)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise

    async def of(self, run_id: str, pod: Document) -> Sequence[str]:
        """What is masked in the run's output. Raises ApiError, ClusterAway when that cannot be known now."""
        if run_id not in self._known:
            texts: tuple[str, ...] = ()
            if names.SECRET in pod["metadata"].get("annotations", {}):
                secret = await self._api.get(_path(pod))
                texts = tuple(json.loads(base64.b64decode(secret["data"][_HIDDEN])))
            self._known[run_id] = texts
        return self._known[run_id]

    async def remove(self, run_id: str, pod: Document) -> None:
        """The run is over, and its output is stored. Raises ApiError, ClusterAway."""
        self._known.pop(run_id, None)
        if names.SECRET in pod["metadata"].get("annotations", {}):
            await self._api.delete(_path(pod), {})


def _path(pod: Document) -> str:
    meta = pod["metadata"]
    return f"/api/v1/namespaces/{meta['namespace']}/secrets/{meta['name']}"
