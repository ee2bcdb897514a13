"""What must not be seen of a run: in the cluster as a Secret beside its pod, so that the next executor masks it too.

Variables that hold such a value come from the Secret, and so stand in no pod's document. A launch that is repeated may
bring other values than the one before it, whose pod may be there: everything that any of them brought is masked.
The Secret goes once the run is over.
"""

import base64
import json
from collections.abc import Sequence

from pydantic import TypeAdapter

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.refusals import ApiError
from services.executor.backends.kubernetes.run_secrets import FOREIGN, RunSecrets, secret
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names

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
        self._secrets = RunSecrets(api, lambda pod_name: pod_name)
        self._known: dict[str, tuple[str, ...]] = {}

    async def keep(self, order: RunOrder, pod: Document, owner: Document) -> None:
        """Before the pod is made. Raises ApiError, ClusterAway."""
        if not conceals(order):
            return
        namespace, hidden = pod["metadata"]["namespace"], order.hidden
        document = secret(pod, owner, pod["metadata"]["name"], _values(order, hidden))
        if not await self._secrets.make(namespace, document):
            hidden = await self._add(order, namespace)
        self._known[order.run_id] = hidden

    async def of(self, run_id: str, pod: Document) -> Sequence[str]:
        """What is masked in the run's output. Raises ApiError, ClusterAway when that cannot be known now."""
        if run_id not in self._known:
            texts: tuple[str, ...] = ()
            if names.SECRET in pod["metadata"].get("annotations", {}):
                texts = _texts(await self._secrets.read(run_id, pod["metadata"]["namespace"]))
            self._known[run_id] = texts
        return self._known[run_id]

    async def remove(self, run_id: str, namespace: str) -> None:
        """The run is over, and its output is stored. Raises ApiError, ClusterAway."""
        await self._secrets.remove(run_id, namespace)

    def forget(self, run_id: str) -> None:
        """Nobody asks for the run any more."""
        self._known.pop(run_id, None)
        self._secrets.forget(run_id)

    async def _add(self, order: RunOrder, namespace: str) -> tuple[str, ...]:
        """What an earlier launch has hidden, and what this one hides; the pod gets this one's values."""
        before = _texts(await self._secrets.read(order.run_id, namespace))
        hidden = tuple(dict.fromkeys((*before, *order.hidden)))
        if order.hidden != before or order.secrets:  # a value that is not masked may be another one
            await self._secrets.change(order.run_id, namespace, _values(order, hidden))
        return hidden


def _values(order: RunOrder, hidden: Sequence[str]) -> dict[str, str]:
    return {**concealed(order), _HIDDEN: json.dumps(hidden)}


def _texts(kept: Document) -> tuple[str, ...]:
    """Raises ApiError (404 and FOREIGN) when it holds something else than was put there."""
    try:
        texts: list[str] = TypeAdapter(list[str]).validate_json(base64.b64decode(kept["data"][_HIDDEN]))
    except (KeyError, TypeError, ValueError) as error:
        name = kept["metadata"]["name"]
        raise ApiError(404, FOREIGN, f"Somebody has changed the Secret {name} of the run.") from error
    return tuple(texts)
