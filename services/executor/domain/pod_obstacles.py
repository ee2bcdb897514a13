"""What keeps a run's pod from starting, in words: the cluster's scheduler, its node, its image, its storage claim."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.executor.domain.pod_shell import missing, program_of
from services.executor.domain.pod_status import SCHEDULED, Pod, condition, container_state, node_of, taken_ns
from services.executor.domain.pull_failures import is_final, is_of_the_node
from services.executor.domain.quoted import sentence
from shared.contracts.events import Facts
from shared.contracts.job import Reason

_UNAVAILABLE = "image_unavailable"
_UNREADABLE = "ImageInspectError"
"""The node fails at an image that it has, or is to have."""
_IMAGES = {
    "ErrImagePull": _UNAVAILABLE,
    "ImagePullBackOff": _UNAVAILABLE,
    "ErrImageNeverPull": "image_missing",
    "InvalidImageName": "image_invalid",
    _UNREADABLE: _UNAVAILABLE,
    "RegistryUnavailable": _UNAVAILABLE,
}
"""The code by a kubelet's reason."""
_IMAGE_WORDS = {
    _UNAVAILABLE: "The image {image} could not be pulled to the node {node}: {message}",
    "image_missing": "The image {image} is not on the node {node}, and pulling images is switched off there.",
    "image_invalid": "The image name {image} is not valid: {message}",
}
_CONFIGURATION = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_BARE = re.compile(r'Back-off pulling image "[^"]*"\.?')
"""All that a kubelet says while it waits before it pulls again; from Kubernetes 1.32 on the cause follows."""
NOT_BEGUN = frozenset({"StartError", "ContainerCannotRun"})
"""Of whatever kept a container from starting that was made."""
_NO_PROGRAM = (
    r"""(exec: "{program}":|executable file [`'"]?{program}|exec container process [`'"]?{program}[`'"]?:)"""
    r".*(no such file|not found|permission denied|is a directory)"
)
"""What runc and crun say where an image has not the program that its container begins with, or may not start it."""
_SMALL = "memory limit too low"
"""runc, of a container that the kernel has ended before its program began."""
_CLAIM = re.compile(r'persistentvolumeclaim "([^"]+)"( is being deleted| not found)?')
_UNBOUND = "unbound immediate PersistentVolumeClaims"
"""What the cluster's scheduler says of a pod whose claim has no volume, on whichever node it is to run."""


@dataclass(frozen=True)
class Obstacle:
    """`busy`: it may start another time or elsewhere. `own`: not elsewhere either, see `Refused`.

    `patience`: it may pass by itself, so give it time.
    `bare`: it says what the cluster does about a trouble, and not what the trouble is.
    """

    reason: Reason
    busy: bool = False
    patience: bool = True
    bare: bool = False
    own: bool = False


def obstacle(pod: Pod) -> Obstacle | None:
    """Of a pod that has not started; none: it is on its way."""
    waiting: Mapping[str, Any] = container_state(pod).get("waiting") or {}
    cause, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if cause in _IMAGES:
        return _without_image(pod, cause, message)
    if cause in _CONFIGURATION:
        if lacks_program(pod):
            return Obstacle(missing(pod, sentence(message)), patience=False)
        said = sentence(message)
        words = f"The container could not be made on the node {node_of(pod)}: {said}"
        return Obstacle(Reason(code="container_refused", message=words, details={"said": said}))
    scheduled = condition(pod, SCHEDULED)
    if scheduled.get("status") == "False" and scheduled.get("reason") in ("Unschedulable", "SchedulerError"):
        return _unschedulable(str(scheduled.get("message", "")), scheduled["reason"] == "SchedulerError")
    return None


def overdue(pod: Pod, now_ns: int, within_s: float) -> Obstacle | None:
    """Of one that nothing else keeps from starting: its node had all the time that it gets, and is not there yet.

    A node says of a registry that gives nothing, or a little at a time, only that it pulls. So it is not the node that
    is left alone, but the run that waits.
    """
    since_ns = taken_ns(pod)
    if since_ns is None or now_ns - since_ns < within_s * 1e9:
        return None
    image, hours = pod["spec"]["containers"][0].get("image", ""), f"{within_s / 3600:.3g}"
    words = (
        f"The node {node_of(pod)} has not started the run within {hours} h: its image {image} has not come in that "
        "time, or a volume or network that it needs. It is tried again later."
    )
    details: Facts = {"node": node_of(pod), "image": image, "hours": hours}
    return Obstacle(Reason(code="start_overdue", message=words, details=details), busy=True, patience=False, own=True)


def clearer(before: Obstacle | None, now: Obstacle) -> Obstacle:
    """Which of two words on one pod is to be told, the earlier one first: one that names the cause stays."""
    same = before is not None and before.reason.code == now.reason.code
    return before if before is not None and same and now.bare else now


def not_taken(pod: Pod) -> Obstacle:
    """The kubelet has given the pod up: it would not admit it, or took it away."""
    status = pod["status"]
    cause, message = str(status.get("reason", "")), str(status.get("message", "")).strip()
    said = sentence(message or cause or "no reason is known")
    words = f"The node {node_of(pod)} did not take the pod: {said}"
    details: Facts = {"node": node_of(pod), "said": said}
    return Obstacle(Reason(code="node_refused", message=words, details=details), busy=True, patience=False)


def lacks_program(pod: Pod) -> bool:
    """Whether its image has not the program that its container begins with. A runtime finds that out when it starts the
    container (containerd), or when it makes it (CRI-O).
    """
    state = container_state(pod)
    waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
    if waiting.get("reason") not in _CONFIGURATION and ended.get("reason") not in NOT_BEGUN:
        return False
    said = str(waiting.get("message") or ended.get("message") or "")
    pattern = _NO_PROGRAM.replace("{program}", re.escape(program_of(pod)))
    return re.search(pattern, said, re.IGNORECASE | re.DOTALL) is not None


def not_begun(pod: Pod, message: str) -> Obstacle:
    """Its container was made and not started, for which a node has one reason, whatever has gone wrong.

    That its image lacks the program, and that it may take too little memory, would be so everywhere. What else is said
    is of the node: a driver that does not answer, a device or a mount that is not there.
    """
    said = sentence(message)
    if lacks_program(pod):
        return Obstacle(missing(pod, said), patience=False)
    small = _SMALL in message
    words = f"The container could not be started on the node {node_of(pod)}: {said}"
    details: Facts = {"node": node_of(pod), "said": said}
    if small:
        words += " The job has too little memory to start; ask for more memory_mib."
        details["lacks"] = "memory_mib"
    reason = Reason(code="container_refused", message=words, details=details)
    return Obstacle(reason, busy=not small, patience=False)


def _without_image(pod: Pod, cause: str, message: str) -> Obstacle:
    code = _IMAGES[cause]
    image, said = pod["spec"]["containers"][0].get("image", ""), sentence(message)
    words = _IMAGE_WORDS[code].format(image=image, node=node_of(pod), message=said)
    details: Facts = {"image": image, "node": node_of(pod), "said": said}
    reason = Reason(code=code, message=words, details=details)
    if code != _UNAVAILABLE:
        return Obstacle(reason, patience=False)
    bare = _BARE.fullmatch(message.strip()) is not None
    own = not is_of_the_node(message) and cause != _UNREADABLE
    return Obstacle(reason, busy=not is_final(message), bare=bare, own=own)


def _unschedulable(message: str, failed: bool) -> Obstacle:
    """`failed`: the cluster's scheduler has come to no answer."""
    if (claim := _CLAIM.search(message)) and claim[2]:
        words = f"The virtual cluster's namespace has no storage claim {claim[1]}. Ask an operator to make it."
        return Obstacle(Reason(code="claim_missing", message=words, details={"claim": claim[1]}), patience=False)
    said = sentence(message)
    if _UNBOUND in message:
        words = f"A storage claim that the run needs has no volume yet; ask an operator to see why: {said}"
        return Obstacle(Reason(code="claim_unbound", message=words, details={"said": said}), busy=True, own=True)
    if failed:
        words = f"The cluster's scheduler failed to place the run's pod: {said}"
        return Obstacle(Reason(code="scheduler_failed", message=words, details={"said": said}), busy=True)
    words = f"Kubernetes found no room for the run where it was placed: {said}"
    return Obstacle(Reason(code="unschedulable", message=words, details={"said": said}), busy=True)
