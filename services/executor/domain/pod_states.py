"""What a pod's status says of the run in it, in words: pure, from the API server's documents to a verdict.

Whether a run was stopped or had exited is decided once, inside the pod, by the script that runs the command (see
`backends.kubernetes.wrapper`): it leaves a word that comes with the container's end. Where that is missing (SIGKILL,
an image without a shell) the deletion that was asked for before the end decides.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.executor.domain.pod_names import CONTAINER, TOMBSTONE
from shared.contracts.events import Facts
from shared.contracts.job import Reason

Pod = Mapping[str, Any]

_NS = 1_000_000_000
_SIGKILLED = 137
_SIGNALS = {
    1: "SIGHUP",
    2: "SIGINT",
    3: "SIGQUIT",
    4: "SIGILL",
    5: "SIGTRAP",
    6: "SIGABRT",
    7: "SIGBUS",
    8: "SIGFPE",
    9: "SIGKILL",
    10: "SIGUSR1",
    11: "SIGSEGV",
    12: "SIGUSR2",
    13: "SIGPIPE",
    14: "SIGALRM",
    15: "SIGTERM",
    24: "SIGXCPU",
    25: "SIGXFSZ",
}
"""Linux's numbers, of those that end a program."""
STOPPING = "stopping"
EXITED = "exited"
MISPLACED = "misplaced"
CLAIM_DIFFERS = "The claim of this namespace has other files than the platform's storage. Ask an operator."
_TAKEN_AWAY = frozenset({"Evicted", "Terminated", "Shutdown", "Preempting"})
"""Why a kubelet fails pods that it has admitted."""

_UNKNOWN = Reason(code="result_unknown", message="The node has lost the run's container, so nobody knows how it ended.")


@dataclass(frozen=True)
class Pending:
    """It has not started. `obstacle`: what keeps it from that, if anything does."""

    obstacle: "Obstacle | None" = None


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


@dataclass(frozen=True)
class Running:
    """Its container lives."""

    started_ns: int


@dataclass(frozen=True)
class Over:
    """Its container has ended; nothing of it lives."""

    started_ns: int
    ended_ns: int
    exit_code: int
    signal: str | None
    stopped: bool
    forced: bool
    reason: Reason | None = None


@dataclass(frozen=True)
class NeverStarted:
    """It is over without having begun."""

    obstacle: Obstacle


@dataclass(frozen=True)
class Buried:
    """A tombstone: nothing will ever start under this name."""

    at_ns: int


@dataclass(frozen=True)
class Taken:
    """Ended, or given up, by somebody else than this platform or the run itself.

    `answers`: whether its node is there to say so, and to give its output.
    """

    reason: Reason
    answers: bool = True


Verdict = Pending | Running | Over | NeverStarted | Buried | Taken


def verdict(pod: Pod, asked: bool, answers: bool = True) -> Verdict:
    """`asked`: this platform has told it to stop. `answers`: its node does, as far as the cluster knows.

    Of a node that does not answer nobody knows what still runs there. A run is lost once the cluster has given it up,
    which is after the time that its pod tolerates; one that was told to stop has not stopped before its pod is gone.
    """
    meta, status = pod["metadata"], pod.get("status", {})
    if TOMBSTONE in meta.get("annotations", {}):
        return Buried(time_ns(meta["creationTimestamp"]))
    if not asked and (exceeded := _over_its_disk(pod)) is not None:
        return exceeded
    state = container_state(pod)
    over = status.get("phase") in ("Failed", "Succeeded")
    if over and status.get("reason") in _TAKEN_AWAY and not asked and not _ended_first(state):
        said = sentence(status.get("message", ""))
        return Taken(Reason(code="evicted", message=f"The node took the run away: {said}", details={"said": said}))
    if "terminated" in state:
        return _ended(pod, state["terminated"], asked)
    if over:
        return Taken(_given_up(pod), answers=False) if "running" in state else _never_ran(pod)
    if meta.get("deletionTimestamp") and not answers and not asked and _is_driven_out(pod):
        return Taken(_node_lost(pod), answers=False)
    if "running" in state:
        return Running(time_ns(state["running"]["startedAt"]))
    if meta.get("deletionTimestamp") and not pod["spec"].get("nodeName"):
        return NeverStarted(Obstacle(_taken(pod), busy=True, patience=False))
    return Pending(_obstacle(pod, state.get("waiting") or {}))


def clearer(before: Obstacle | None, now: Obstacle) -> Obstacle:
    """Which of two words on one pod is to be told, the earlier one first: one that names the cause stays."""
    same = before is not None and before.reason.code == now.reason.code
    return before if before is not None and same and now.bare else now


def container_state(pod: Pod) -> Mapping[str, Any]:
    """Of the run's container. A cluster may have put others beside it, and tells of all of them in order of name."""
    told = pod.get("status", {}).get("containerStatuses") or ()
    return next((each.get("state") or {} for each in told if each["name"] == CONTAINER), {})


def time_ns(stamp: str) -> int:
    """Of the API server's moments, which have whole seconds or microseconds."""
    return int(datetime.fromisoformat(stamp).timestamp() * 1_000_000) * 1000


def _ended(pod: Pod, ended: Mapping[str, Any], asked: bool) -> Verdict:
    if ended.get("reason") in ("StartError", "ContainerCannotRun"):
        return NeverStarted(Obstacle(_cannot_start(str(ended.get("message", ""))), patience=False))
    if ended.get("reason") == "ContainerStatusUnknown":
        return NeverStarted(Obstacle(_UNKNOWN)) if asked else Taken(_UNKNOWN)
    code = int(ended["exitCode"])
    words = _words(ended)
    if words[:1] == [MISPLACED]:
        return NeverStarted(Obstacle(Reason(code="claim_differs", message=CLAIM_DIFFERS), patience=False))
    stopping = words[0] == STOPPING if words else _was_taken(pod)
    forced = stopping and EXITED not in words and code == _SIGKILLED
    if stopping and not asked:
        return Taken(_taken(pod))
    reason = _out_of_memory(pod) if ended.get("reason") == "OOMKilled" and code else None
    return _over(ended, code, reason, stopped=stopping, forced=forced)


def _words(ended: Mapping[str, Any]) -> list[str]:
    """What the scripts in the pod have left, in order."""
    return str(ended.get("message", "")).split()


def _was_taken(pod: Pod) -> bool:
    """Whether somebody has made an end of it."""
    disrupted = _condition(pod, "DisruptionTarget").get("status") == "True"
    return disrupted or bool(pod["metadata"].get("deletionTimestamp")) or pod["status"].get("reason") in _TAKEN_AWAY


def _ended_first(state: Mapping[str, Any]) -> bool:
    """Whether the command had ended before anybody told it to."""
    return _words(state.get("terminated", {}))[:1] == [EXITED]


def _given_up(pod: Pod) -> Reason:
    """The cluster says that it is over, while its node has last said that it runs."""
    if _is_driven_out(pod):
        return _node_lost(pod)
    if _condition(pod, "DisruptionTarget").get("reason") == "DeletionByPodGC":
        words = f"The node {_node(pod)} was removed from the cluster under the run."
        return Reason(code="node_gone", message=words, details={"node": _node(pod)})
    return _UNKNOWN


def _never_ran(pod: Pod) -> Verdict:
    """The kubelet has given the pod up: it would not admit it, or took it away."""
    status = pod["status"]
    cause, message = str(status.get("reason", "")), str(status.get("message", "")).strip()
    said = sentence(message or cause or "no reason is known")
    words = f"The node {_node(pod)} did not take the pod: {said}"
    details: Facts = {"node": _node(pod), "said": said}
    return NeverStarted(
        Obstacle(Reason(code="node_refused", message=words, details=details), busy=True, patience=False)
    )


_IMAGES = {
    "ErrImagePull": ("image_unavailable", True),
    "ImagePullBackOff": ("image_unavailable", True),
    "ErrImageNeverPull": ("image_missing", False),
    "InvalidImageName": ("image_invalid", False),
    "ImageInspectError": ("image_unavailable", True),
    "RegistryUnavailable": ("image_unavailable", True),
}
_IMAGE_WORDS = {
    "image_unavailable": "The image {image} could not be pulled to the node {node}: {message}",
    "image_missing": "The image {image} is not on the node {node}, and pulling images is switched off there.",
    "image_invalid": "The image name {image} is not valid: {message}",
}
_CONFIGURATION = frozenset({"CreateContainerConfigError", "CreateContainerError", "RunContainerError"})
_BARE = re.compile(r'Back-off pulling image "[^"]*"\.?')
"""All that a kubelet says while it waits before it pulls again; from Kubernetes 1.32 on the cause follows."""
_CLAIM = re.compile(r'persistentvolumeclaim "([^"]+)"( is being deleted| not found)?')
_UNBOUND = "unbound immediate PersistentVolumeClaims"
"""What the cluster's scheduler says of a pod whose claim has no volume, on whichever node it is to run."""
_OWN_DISK = (
    "exceeds the total limit of containers",
    "exceeded its local ephemeral storage limit",
    "Usage of EmptyDir volume",
)
"""What a kubelet says of a pod that it evicts for the pod's own limits, and not for what the node lacks."""


def _obstacle(pod: Pod, waiting: Mapping[str, Any]) -> Obstacle | None:
    cause, message = str(waiting.get("reason", "")), str(waiting.get("message", ""))
    if cause in _IMAGES:
        code, patience = _IMAGES[cause]
        image = pod["spec"]["containers"][0].get("image", "")
        words = _IMAGE_WORDS[code].format(image=image, node=_node(pod), message=sentence(message))
        details: Facts = {"image": image, "node": _node(pod), "said": sentence(message)}
        bare = _BARE.fullmatch(message.strip()) is not None
        return Obstacle(Reason(code=code, message=words, details=details), patience=patience, bare=bare)
    if cause in _CONFIGURATION:
        said = sentence(message)
        words = f"The container could not be made on the node {_node(pod)}: {said}"
        return Obstacle(Reason(code="container_refused", message=words, details={"said": said}))
    scheduled = _condition(pod, "PodScheduled")
    if scheduled.get("status") == "False" and scheduled.get("reason") in ("Unschedulable", "SchedulerError"):
        return _unschedulable(str(scheduled.get("message", "")), scheduled["reason"] == "SchedulerError")
    return None


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


def _cannot_start(message: str) -> Reason:
    words = f"The image has no program to start the command with: {sentence(message)}"
    return Reason(code="program_missing", message=words)


def _over_its_disk(pod: Pod) -> Over | None:
    """A run that was evicted for what itself has written has failed: elsewhere it would do the same."""
    status = pod.get("status", {})
    ended = container_state(pod).get("terminated") or {}
    said = sentence(str(status.get("message", "")))
    if status.get("reason") != "Evicted" or not ended.get("startedAt") or not any(text in said for text in _OWN_DISK):
        return None
    code = int(ended["exitCode"]) or _SIGKILLED
    words = (
        f"The run wrote more beside its folders than it may: {said} Write into the job's folder, or ask an operator."
    )
    return _over(ended, code, Reason(code="disk_exceeded", message=words, details={"said": said}))


def _over(
    ended: Mapping[str, Any], code: int, reason: Reason | None, stopped: bool = False, forced: bool = False
) -> Over:
    return Over(
        started_ns=time_ns(ended["startedAt"]),
        ended_ns=time_ns(ended["finishedAt"]),
        exit_code=code,
        signal=signal_of(code),
        stopped=stopped,
        forced=forced,
        reason=reason,
    )


def _out_of_memory(pod: Pod) -> Reason:
    limits = pod["spec"]["containers"][0].get("resources", {}).get("limits", {})
    room = f" than the {limits['memory']} that the job asked for" if "memory" in limits else ""
    words = f"Out of memory: the run needed more{room}, and the kernel ended it. Ask for more memory_mib."
    return Reason(code="oom_killed", message=words)


def _taken(pod: Pod) -> Reason:
    disrupted = _condition(pod, "DisruptionTarget")
    if disrupted.get("status") == "True":
        cause, message = str(disrupted.get("reason", "")), str(disrupted.get("message", ""))
        if _is_driven_out(pod):
            words = f"The node {_node(pod)} was closed to its runs (a NoExecute taint), or did not answer for a while."
            return Reason(code="node_closed", message=words, details={"node": _node(pod)})
        said = sentence(message)
        words = f"Kubernetes took the run away ({cause}): {said}"
        return Reason(code="disrupted", message=words, details={"cause": cause, "said": said})
    return Reason(code="stopped_by_others", message="Somebody deleted the run's pod, and Jobyard had not asked for it.")


def _node_lost(pod: Pod) -> Reason:
    words = f"The node {_node(pod)} does not answer, and the time has passed that the cluster waits for it."
    return Reason(code="node_lost", message=words, details={"node": _node(pod)})


def _is_driven_out(pod: Pod) -> bool:
    """By a NoExecute taint of its node, as one gets that does not answer."""
    return _condition(pod, "DisruptionTarget").get("reason") == "DeletionByTaintManager"


def _condition(pod: Pod, kind: str) -> Mapping[str, Any]:
    conditions = pod.get("status", {}).get("conditions") or ()
    return next((condition for condition in conditions if condition["type"] == kind), {})


def _node(pod: Pod) -> str:
    return str(pod["spec"].get("nodeName") or "that was chosen")


def signal_of(code: int) -> str | None:
    """A container tells no signal but by its exit code, so a command that exits with 130 is taken for interrupted."""
    return _SIGNALS.get(code - 128)


def sentence(text: str) -> str:
    """On one line that shows all of what it says, with an end, and not endless."""
    line = "".join(each for each in " ".join(text.split()) if each.isprintable())[:500]
    return line if line.endswith((".", "!", "?")) else f"{line}."
