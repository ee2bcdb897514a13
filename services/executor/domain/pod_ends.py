"""What the end of a run's container is made of: its moments, its code and signal, and what it went beyond."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.executor.domain.pod_names import MEMORY_UNASKED
from services.executor.domain.pod_status import Pod, container_state, time_ns
from services.executor.domain.quoted import sentence
from shared.contracts.job import Reason

SIGKILLED = 137
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
    16: "SIGSTKFLT",
    24: "SIGXCPU",
    25: "SIGXFSZ",
    26: "SIGVTALRM",
    27: "SIGPROF",
    29: "SIGIO",
    30: "SIGPWR",
    31: "SIGSYS",
}
"""Linux's numbers, of those that end a program."""
_OWN_DISK = (
    "exceeds the total limit of containers",
    "exceeded its local ephemeral storage limit",
    "Usage of EmptyDir volume",
)
"""What a kubelet says of a pod that it evicts for the pod's own limits, and not for what the node lacks."""


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


def signal_of(code: int) -> str | None:
    """A container tells no signal but by its exit code, so a command that exits with 130 is taken for interrupted."""
    return _SIGNALS.get(code - 128)


def over(pod: Pod, stopped: bool, forced: bool) -> Over:
    """Of a container that has ended. Out of memory counts only with a code: else a child was killed, and it coped."""
    ended = container_state(pod)["terminated"]
    code = int(ended["exitCode"])
    beyond = _out_of_memory(pod) if ended.get("reason") == "OOMKilled" and code else None
    return _over(ended, code, beyond, stopped=stopped, forced=forced)


def over_its_disk(pod: Pod) -> Over | None:
    """A run that was evicted for what itself has written has failed: elsewhere it would do the same."""
    status = pod.get("status", {})
    ended = container_state(pod).get("terminated") or {}
    said = sentence(str(status.get("message", "")))
    if status.get("reason") != "Evicted" or not ended.get("startedAt") or not any(text in said for text in _OWN_DISK):
        return None
    words = (
        f"The run wrote more beside its folders than it may: {said} Write into the job's folder, or ask an operator."
    )
    beyond = Reason(code="disk_exceeded", message=words, details={"said": said})
    return _over(ended, int(ended["exitCode"]) or SIGKILLED, beyond, stopped=False, forced=False)


def _over(ended: Mapping[str, Any], code: int, beyond: Reason | None, *, stopped: bool, forced: bool) -> Over:
    return Over(
        started_ns=time_ns(ended["startedAt"]),
        ended_ns=time_ns(ended["finishedAt"]),
        exit_code=code,
        signal=signal_of(code),
        stopped=stopped,
        forced=forced,
        reason=beyond,
    )


def _out_of_memory(pod: Pod) -> Reason:
    limit = pod["spec"]["containers"][0].get("resources", {}).get("limits", {}).get("memory")
    unasked = MEMORY_UNASKED in pod["metadata"].get("annotations", {})
    whose = "that a job has here which asks for none" if unasked else "that the job asked for"
    room = f" than the {limit} {whose}" if limit else ""
    more = "memory_mib" if unasked else "more memory_mib"
    words = f"Out of memory: the run needed more{room}, and the kernel ended it. Ask for {more}."
    return Reason(code="oom_killed", message=words)
