"""What a cluster tells of a pod that says anything of its run: found here, and nothing else is kept of its status.

A kubelet tells some KiB of each pod, and a cluster has many. It also tells of the containers that others have put
beside the run's, all of them in order of name.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from services.executor.domain.pod_names import CONTAINER, TOMBSTONE

Pod = Mapping[str, Any]

SCHEDULED = "PodScheduled"
DISRUPTED = "DisruptionTarget"

_OVER = frozenset({"Failed", "Succeeded"})
_FIELDS = ("phase", "reason", "message", "podIP", "startTime")
_CONDITION = ("type", "status", "reason", "message")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def needed(status: Mapping[str, Any]) -> dict[str, Any]:
    """All of it that is read anywhere."""
    return {key: status[key] for key in _FIELDS if key in status} | {
        "conditions": [
            {key: each[key] for key in _CONDITION if key in each}
            for each in status.get("conditions") or ()
            if each["type"] in (SCHEDULED, DISRUPTED)
        ],
        "containerStatuses": [
            {"name": each["name"], "state": each.get("state") or {}} for each in status.get("containerStatuses") or ()
        ],
    }


def container_state(pod: Pod) -> Mapping[str, Any]:
    """Of the run's container: one of `waiting`, `running`, `terminated`; none while nothing is told of it."""
    return next((each.get("state") or {} for each in _containers(pod) if each["name"] == CONTAINER), {})


def is_over(pod: Pod) -> bool:
    """Whether nothing in it runs any more, nor will."""
    return pod.get("status", {}).get("phase") in _OVER


def lives(pod: Pod) -> bool:
    """Whether anything in it runs, or may start: the run's container, or one that others have put beside it."""
    if TOMBSTONE in pod["metadata"].get("annotations", {}) or is_over(pod):
        return False
    beside = any("running" in (each.get("state") or {}) for each in _containers(pod))
    return beside or "terminated" not in container_state(pod)


def condition(pod: Pod, kind: str) -> Mapping[str, Any]:
    conditions = pod.get("status", {}).get("conditions") or ()
    return next((each for each in conditions if each["type"] == kind), {})


def taken_ns(pod: Pod) -> int | None:
    """When its node has taken it; None: none has."""
    stamp = pod.get("status", {}).get("startTime")
    return time_ns(stamp) if stamp else None


def node_of(pod: Pod) -> str:
    """As a sentence names it."""
    return str(pod["spec"].get("nodeName") or "that was chosen")


def time_ns(stamp: str) -> int:
    """Of the API server's moments, which have whole seconds or microseconds."""
    return (datetime.fromisoformat(stamp) - _EPOCH) // timedelta(microseconds=1) * 1000


def _containers(pod: Pod) -> Sequence[Mapping[str, Any]]:
    return pod.get("status", {}).get("containerStatuses") or ()
