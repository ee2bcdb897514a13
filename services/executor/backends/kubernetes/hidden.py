"""What must not be seen of a run: in the cluster as a Secret beside its pod, so that the next executor masks it too.

Variables that hold such a value come from the Secret, and so stand in no pod's document. A launch that is repeated may
bring other values than the one before it, whose pod may be there: everything that any of them brought is masked.
The Secret goes once the run is over.
"""

import base64
import json
from collections.abc import Sequence

from pydantic import TypeAdapter

from services.executor.backends.kubernetes.api import Api, ApiError, Document
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names

FOREIGN = "Foreign"
"""The reason of a refusal: what has the run's name is not the run's."""
_HIDDEN = "jobyard.hidden"
"""No variable's name: the texts themselves."""


def conceals(order: RunOrder) -> bool:
    """Whether there is anything that must not be seen."""
    return bool(order.hidden or order.secrets)


def concealed(order: RunOrder) -> dict[str, str]:
    """The variables of the order that are secrets, or hold something hidden."""
    return {
        name: value
        for name, value in order.env.items()
        if name in order.secrets or any(text in value for text in order.hidden)
    }


class HiddenTexts:
    """Of the runs of one cluster."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: dict[str, tuple[str, ...]] = {}
        self._gone: set[str] = set()
        """Runs whose Secrets are removed."""

    async def keep(self, order: RunOrder, pod: Document, owner: Document) -> None:
        """Before the pod is made. Raises ApiError, ClusterAway."""
        if not conceals(order):
            return
        meta = pod["metadata"]
        namespace, name = meta["namespace"], meta["name"]
        document = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "labels": meta["labels"],
                "annotations": {names.RUN: order.run_id},
                "ownerReferences": [owner],
            },
            "data": _data(order, order.hidden),
        }
        hidden = order.hidden
        try:
            await self._api.create(f"/api/v1/namespaces/{namespace}/secrets", document)
        except ApiError as error:
            if error.reason != "AlreadyExists":
                raise
            hidden = await self._add(order, namespace)
        self._known[order.run_id] = hidden

    async def of(self, run_id: str, pod: Document) -> Sequence[str]:
        """What is masked in the run's output. Raises ApiError, ClusterAway when that cannot be known now."""
        if run_id not in self._known:
            texts: tuple[str, ...] = ()
            if names.SECRET in pod["metadata"].get("annotations", {}):
                texts = _texts(await self._read(run_id, pod["metadata"]["namespace"]))
            self._known[run_id] = texts
        return self._known[run_id]

    async def remove(self, run_id: str, namespace: str) -> None:
        """The run is over, and its output is stored. Raises ApiError, ClusterAway."""
        if run_id in self._gone:
            return
        try:
            secret = await self._read(run_id, namespace)
            options = {"preconditions": {"uid": secret["metadata"]["uid"]}}
            await self._api.delete(_path(run_id, namespace), options)
        except ApiError as error:
            if error.status not in (404, 409):  # it is gone, or another one by now
                raise
        self._gone.add(run_id)

    def forget(self, run_id: str) -> None:
        """Nobody asks for the run any more."""
        self._known.pop(run_id, None)
        self._gone.discard(run_id)

    async def _add(self, order: RunOrder, namespace: str) -> tuple[str, ...]:
        """What an earlier launch has hidden, and what this one hides; the pod gets this one's values."""
        before = _texts(await self._read(order.run_id, namespace))
        hidden = tuple(dict.fromkeys((*before, *order.hidden)))
        if order.hidden != before or order.secrets:  # a value that is not masked may be another one
            await self._api.patch(_path(order.run_id, namespace), {"data": _data(order, hidden)})
        return hidden

    async def _read(self, run_id: str, namespace: str) -> Document:
        """The run's Secret. Raises ApiError (404 and FOREIGN when it is somebody else's), ClusterAway."""
        secret = await self._api.get(_path(run_id, namespace))
        if (secret["metadata"].get("annotations") or {}).get(names.RUN) != run_id:
            name = secret["metadata"]["name"]
            raise ApiError(404, FOREIGN, f"A Secret with the name {name} is there that was not made for the run.")
        return secret


def _data(order: RunOrder, hidden: Sequence[str]) -> dict[str, str]:
    values = {**concealed(order), _HIDDEN: json.dumps(hidden)}
    return {name: base64.b64encode(value.encode()).decode() for name, value in values.items()}


def _texts(secret: Document) -> tuple[str, ...]:
    """Raises ApiError (404 and FOREIGN) when it holds something else than was put there."""
    try:
        texts: list[str] = TypeAdapter(list[str]).validate_json(base64.b64decode(secret["data"][_HIDDEN]))
    except (KeyError, TypeError, ValueError) as error:
        name = secret["metadata"]["name"]
        raise ApiError(404, FOREIGN, f"Somebody has changed the Secret {name} of the run.") from error
    return tuple(texts)


def _path(run_id: str, namespace: str) -> str:
    return f"/api/v1/namespaces/{namespace}/secrets/{names.pod_name(run_id)}"
