"""What a pod's status says of the run in it: pure, from the API server's documents to a verdict.

Whether a run was stopped or had exited is decided once, inside the pod, by the script that runs the command (see
`backends.kubernetes.wrapper`): it leaves a word that comes with the container's end. Where that is missing (SIGKILL,
an image without a shell), or another word came before it, the deletion that was asked for before the end decides. The
command can write that word too, so it is believed of what can be so: a stop of a pod that somebody has told to stop.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.executor.domain import pod_losses as losses
from services.executor.domain.pod_ends import SIGKILLED, Over, over, over_its_disk
from services.executor.domain.pod_names import TOMBSTONE
from services.executor.domain.pod_obstacles import (
    NOT_BEGUN,
    Obstacle,
    lacks_program,
    not_begun,
    not_taken,
    obstacle,
)
from services.executor.domain.pod_shell import ShellUse, use_of
from services.executor.domain.pod_status import Pod, container_state, is_over, time_ns
from shared.contracts.job import Reason

STOPPING = "stopping"
EXITED = "exited"
MISPLACED = "misplaced"
_MISPLACED_NS = 60 * 1_000_000_000
"""Within this a pod has found that its claim is another one, also where storage is slow."""
CLAIM_DIFFERS = "The claim of this namespace has other files than the platform's storage. Ask an operator."
_FORGOTTEN = "ContainerStatusUnknown"
"""The kubelet does not find the container any more, which may have run."""
_LOST_TASK = "Unknown"
"""containerd last knew the container as running, and finds nothing, as after a restart of the machine."""


@dataclass(frozen=True)
class Pending:
    """It has not started. `obstacle`: what keeps it from that, if anything does."""

    obstacle: Obstacle | None = None


@dataclass(frozen=True)
class Running:
    """Its container lives."""

    started_ns: int


@dataclass(frozen=True)
class NeverStarted:
    """It is over without having begun."""

    obstacle: Obstacle


@dataclass(frozen=True)
class WithoutShell:
    """It has not begun, since its image has no shell, and its command needs none."""


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


Verdict = Pending | Running | Over | NeverStarted | WithoutShell | Buried | Taken


def verdict(pod: Pod, asked: bool, answers: bool = True) -> Verdict:
    """`asked`: this platform has told it to stop. `answers`: its node does, as far as the cluster knows.

    Of a node that does not answer nobody knows what still runs there. A run is lost once the cluster has given it up,
    which is after the time that its pod tolerates; one that was told to stop has not stopped before its pod is gone.
    """
    meta = pod["metadata"]
    if TOMBSTONE in meta.get("annotations", {}):
        return Buried(time_ns(meta["creationTimestamp"]))
    if not asked and use_of(pod) is ShellUse.SCRIPTS and lacks_program(pod):
        return WithoutShell()
    if not asked and (exceeded := over_its_disk(pod)) is not None:
        return exceeded
    state = container_state(pod)
    if is_over(pod) and losses.is_by_node(pod) and not asked and not _ended_first(pod):
        return Taken(losses.evicted(pod))
    if "terminated" in state:
        return _ended(pod, state["terminated"], asked)
    if is_over(pod):
        return Taken(losses.given_up(pod), answers=False) if "running" in state else NeverStarted(not_taken(pod))
    if meta.get("deletionTimestamp") and not answers and not asked and losses.is_driven_out(pod):
        return Taken(losses.node_lost(pod), answers=False)
    if "running" in state:
        return Running(time_ns(state["running"]["startedAt"]))
    if meta.get("deletionTimestamp") and not pod["spec"].get("nodeName"):
        return NeverStarted(Obstacle(losses.taken(pod), busy=True, patience=False))
    return Pending(obstacle(pod))


def _ended(pod: Pod, ended: Mapping[str, Any], asked: bool) -> Verdict:
    cause = ended.get("reason")
    if cause in NOT_BEGUN:
        return NeverStarted(not_begun(pod, str(ended.get("message", ""))))
    if cause == _FORGOTTEN and asked:
        return NeverStarted(Obstacle(losses.UNKNOWN))
    if cause in (_FORGOTTEN, _LOST_TASK):
        return Taken(losses.UNKNOWN)
    if _is_misplaced(pod, ended):
        return NeverStarted(Obstacle(Reason(code="claim_differs", message=CLAIM_DIFFERS), patience=False))
    words, taken = _words(pod), losses.is_taken(pod)
    stopping = words[:1] != [EXITED] and (taken or (asked and words[:1] == [STOPPING]))
    if stopping and not asked:
        return Taken(losses.taken(pod))
    forced = stopping and EXITED not in words and int(ended["exitCode"]) == SIGKILLED
    return over(pod, stopping, forced)


def _words(pod: Pod) -> list[str]:
    """What the scripts in the pod have left, in order, and whatever else was written there. Where there are no scripts,
    all words are the program's own.
    """
    if use_of(pod) is ShellUse.NONE:
        return []
    return str(container_state(pod).get("terminated", {}).get("message", "")).split()


def _is_misplaced(pod: Pod, ended: Mapping[str, Any]) -> bool:
    """Whether the script has found another claim, which it does before all else, and then ends."""
    if _words(pod) != [MISPLACED]:
        return False
    return time_ns(ended["finishedAt"]) - time_ns(ended["startedAt"]) <= _MISPLACED_NS


def _ended_first(pod: Pod) -> bool:
    """Whether the command had ended before anybody told it to."""
    return _words(pod)[:1] == [EXITED]
