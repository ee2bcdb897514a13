"""What pods wait for on their nodes: read from the cluster's events when somebody asks, and never kept.

Kubernetes tells that the kubelet has begun to pull and that it is done, and nothing of what has arrived in between. Of
a volume that cannot be mounted, or a network that cannot be set up, events alone say anything at all.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from services.executor.backends.kubernetes.api import Api, Document
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway
from services.executor.domain.pod_names import CONTAINER
from services.executor.domain.pod_obstacles import obstacle
from services.executor.domain.pod_status import container_state, time_ns
from services.executor.domain.pulling import Held, Pull
from services.executor.domain.quoted import sentence
from shared.contracts.job import HIDDEN
from shared.contracts.masking import masked

log = structlog.get_logger()

MOST = 8
"""Pods that are asked about at one time: of a gang, those of the first ranks."""
_EVENTS = 50
_PULLING = "Pulling"
_HOLDS = frozenset({"FailedAttachVolume", "FailedCreatePodSandBox", "FailedMapVolume", "FailedMount"})
_FAILED = "Failed"
_GETS_ON = frozenset({_PULLING, "Pulled", _FAILED, "BackOff", "SuccessfulAttachVolume"})
"""Of the image, for which volumes and network have to be there; what is wrong with one is in the pod's status."""
_OURS = f"spec.containers{{{CONTAINER}}}"
"""What an event says it is about that is about the run's container."""

Hidden = Callable[[str, Document], Awaitable[Sequence[str]]]
"""(run id, its pod): what must not be seen of it. Raises ApiError, ClusterAway."""


class PodPulls:
    """Of one cluster."""

    def __init__(self, api: Api, pods: Pods, hidden: Hidden) -> None:
        self._api = api
        self._pods = pods
        self._hidden = hidden

    async def of(self, run_ids: Sequence[str]) -> dict[str, Pull | Held]:
        """Those of these runs that wait for their image or are kept from it, as far as the cluster says so."""
        waiting = [(id, pod) for id in run_ids if (pod := self._pods.get(id)) is not None and _waits(pod)][:MOST]
        found = await asyncio.gather(*(self._told(id, pod) for id, pod in waiting))
        return {id: told for (id, _), told in zip(waiting, found, strict=True) if told is not None}

    async def _told(self, run_id: str, pod: Document) -> Pull | Held | None:
        meta = pod["metadata"]
        query: dict[str, str | int | bool] = {"fieldSelector": f"involvedObject.uid={meta['uid']}", "limit": _EVENTS}
        try:
            events = (await self._api.get(f"/api/v1/namespaces/{meta['namespace']}/events", query)).get("items", ())
            told = told_of(pod, events)
            if isinstance(told, Held):
                told = Held(sentence(masked(told.said, await self._hidden(run_id, pod), HIDDEN)))
        except (ApiError, ClusterAway) as error:
            log.info("pod_events_unknown", pod=meta["name"], error=str(error))
            return None
        return told


def told_of(pod: Document, events: Sequence[Document]) -> Pull | Held | None:
    """What the pod's status says is wrong with its image, else what the last event says that is about it, or about what
    has to be there before; as it is said.
    """
    if (stuck := obstacle(pod)) is not None:
        failed = [event for event in events if event.get("reason") == _FAILED and _about(event) == _OURS]
        causes = [str(event["message"]) for event in sorted(failed, key=_at) if not _is_bare(event)]
        said = causes[-1] if stuck.bare and causes else str(stuck.reason.details.get("said") or stuck.reason.message)
        return Held(said)
    known = [
        event for event in events if event.get("reason") in _GETS_ON | _HOLDS and _about(event) == _OURS and _at(event)
    ]
    if not known:
        return None
    last = max(known, key=lambda event: (_at(event), event["reason"] in _GETS_ON, event["reason"]))
    if last["reason"] in _HOLDS:
        return Held(str(last.get("message") or last["reason"]))
    if last["reason"] != _PULLING:
        return None
    return Pull(str(pod["spec"]["containers"][0]["image"]), time_ns(_at(last)))


def _is_bare(event: Document) -> bool:
    """`Error: ErrImagePull` comes with each word on the cause."""
    return str(event.get("message") or "Error: ").startswith("Error: ")


def _at(event: Document) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _about(event: Document) -> str:
    """Which of the pod's containers; what is about the whole pod is about the run's."""
    return str((event.get("involvedObject") or {}).get("fieldPath") or _OURS)


def _waits(pod: Document) -> bool:
    return "waiting" in container_state(pod)
