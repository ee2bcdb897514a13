"""Who has ended a run's pod where neither the platform nor the run itself did, in words."""

from services.executor.domain.pod_status import DISRUPTED, Pod, condition, node_of
from services.executor.domain.quoted import sentence
from shared.contracts.job import Reason

UNKNOWN = Reason(code="result_unknown", message="The node has lost the run's container, so nobody knows how it ended.")
_BY_NODE = frozenset({"Evicted", "Terminated", "Shutdown", "Preempting", "DeadlineExceeded"})
"""Why a kubelet fails pods that it has admitted."""


def is_by_node(pod: Pod) -> bool:
    """Whether the kubelet has ended it, for what the node lacks or is about to do."""
    return pod.get("status", {}).get("reason") in _BY_NODE


def is_taken(pod: Pod) -> bool:
    """Whether somebody has made an end of it, the platform or another."""
    disrupted = condition(pod, DISRUPTED).get("status") == "True"
    return disrupted or bool(pod["metadata"].get("deletionTimestamp")) or is_by_node(pod)


def is_driven_out(pod: Pod) -> bool:
    """By a NoExecute taint of its node, as one gets that does not answer."""
    return condition(pod, DISRUPTED).get("reason") == "DeletionByTaintManager"


def evicted(pod: Pod) -> Reason:
    """Of one that its node has ended."""
    said = sentence(pod["status"].get("message", ""))
    return Reason(code="evicted", message=f"The node took the run away: {said}", details={"said": said})


def taken(pod: Pod) -> Reason:
    """Of one that the platform has not asked to end."""
    disrupted = condition(pod, DISRUPTED)
    if disrupted.get("status") == "True":
        cause, message = str(disrupted.get("reason", "")), str(disrupted.get("message", ""))
        if is_driven_out(pod):
            node = node_of(pod)
            words = f"The node {node} was closed to its runs (a NoExecute taint), or did not answer for a while."
            return Reason(code="node_closed", message=words, details={"node": node})
        said = sentence(message)
        words = f"Kubernetes took the run away ({cause}): {said}"
        return Reason(code="disrupted", message=words, details={"cause": cause, "said": said})
    return Reason(code="stopped_by_others", message="Somebody deleted the run's pod, and Jobyard had not asked for it.")


def given_up(pod: Pod) -> Reason:
    """The cluster says that it is over, while its node has last said that it runs."""
    if is_driven_out(pod):
        return node_lost(pod)
    if condition(pod, DISRUPTED).get("reason") == "DeletionByPodGC":
        words = f"The node {node_of(pod)} was removed from the cluster under the run."
        return Reason(code="node_gone", message=words, details={"node": node_of(pod)})
    return UNKNOWN


def node_lost(pod: Pod) -> Reason:
    words = f"The node {node_of(pod)} does not answer, and the time has passed that the cluster waits for it."
    return Reason(code="node_lost", message=words, details={"node": node_of(pod)})
