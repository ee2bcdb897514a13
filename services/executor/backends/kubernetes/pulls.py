"""Which pods wait for their image: read from the cluster's events when somebody asks, and never kept.

Kubernetes tells that the kubelet has begun to pull and that it is done, and nothing of what has arrived in between.
"""

import asyncio
from collections.abc import Sequence

import structlog

from services.executor.backends.kubernetes.api import Api, ApiError, ClusterAway, Document
from services.executor.backends.kubernetes.pods import Pods
from services.executor.domain.pod_names import CONTAINER
from services.executor.domain.pod_states import container_state, time_ns
from services.executor.domain.pulling import Pull

log = structlog.get_logger()

MOST = 8
"""Pods that are asked about at one time: of a gang, those of the first ranks."""
_EVENTS = 50
_PULLING = "Pulling"
_OF_IMAGES = frozenset({_PULLING, "Pulled", "Failed", "BackOff"})
_OURS = f"spec.containers{{{CONTAINER}}}"
"""What an event says it is about that is about the run's container."""


class PodPulls:
    """Of one cluster."""

    def __init__(self, api: Api, pods: Pods) -> None:
        self._api = api
        self._pods = pods

    async def of(self, run_ids: Sequence[str]) -> dict[str, Pull]:
        """Those of these runs that wait for their image, as far as the cluster says so."""
        waiting = [(id, pod) for id in run_ids if (pod := self._pods.get(id)) is not None and _waits(pod)][:MOST]
        found = await asyncio.gather(*(self._pull(pod) for _, pod in waiting))
        return {id: pull for (id, _), pull in zip(waiting, found, strict=True) if pull is not None}

    async def _pull(self, pod: Document) -> Pull | None:
        meta = pod["metadata"]
        query: dict[str, str | int | bool] = {"fieldSelector": f"involvedObject.uid={meta['uid']}", "limit": _EVENTS}
        try:
            events = (await self._api.get(f"/api/v1/namespaces/{meta['namespace']}/events", query)).get("items", ())
        except (ApiError, ClusterAway) as error:
            log.info("pod_events_unknown", pod=meta["name"], error=str(error))
            return None
        return pull_of(pod, events)


def pull_of(pod: Document, events: Sequence[Document]) -> Pull | None:
    """What the last event about the run's image says."""
    ours = [event for event in events if event.get("reason") in _OF_IMAGES and _about(event) == _OURS]
    told = [(_at(event), event["reason"]) for event in ours if _at(event)]
    if not told:
        return None
    at, reason = max(told)
    return Pull(str(pod["spec"]["containers"][0]["image"]), time_ns(at)) if reason == _PULLING else None


def _at(event: Document) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or "")


def _about(event: Document) -> str:
    """Which of the pod's containers."""
    return str((event.get("involvedObject") or {}).get("fieldPath") or _OURS)


def _waits(pod: Document) -> bool:
    return "waiting" in container_state(pod)
