"""Pods as a cluster tells of them, and what is made of each."""

from typing import Any

from services.executor.domain.pod_ends import Over
from services.executor.domain.pod_names import CONTAINER, SHELL_USE
from services.executor.domain.pod_shell import SHELL, ShellUse
from services.executor.domain.pod_states import Verdict, verdict
from services.executor.domain.pod_status import needed

START, END = "2026-12-04T12:00:00Z", "2026-12-04T12:00:09Z"
START_NS = 1_796_385_600_000_000_000
NO_SHELL = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: "
    'unable to start container process: exec: "/bin/sh": stat /bin/sh: no such file or directory: unknown'
)
LIVES: dict[str, Any] = {"running": {"startedAt": START}}


def pod(
    state: dict[str, Any] | None = None,
    phase: str = "Running",
    deleted: bool = False,
    node: str | None = "gpu-7",
    conditions: tuple[dict[str, str], ...] = (),
    shell: ShellUse = ShellUse.LINE,
    program: str = SHELL,
    **status: Any,
) -> dict[str, Any]:
    said = {SHELL_USE: shell.value}
    metadata: dict[str, Any] = {"name": "job-x-a1-r0", "creationTimestamp": START, "annotations": said}
    if deleted:
        metadata["deletionTimestamp"] = END
    limits = {"memory": "512Mi"}
    container = {"image": "lab/train:2", "command": [program], "resources": {"limits": limits}}
    found = {"phase": phase, "conditions": list(conditions), **status}
    if state is not None:
        found["containerStatuses"] = [{"name": CONTAINER, "state": state}]
    return {"metadata": metadata, "spec": {"nodeName": node, "containers": [container]}, "status": found}


def ended(code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    said = {"exitCode": code, "startedAt": START, "finishedAt": END, "reason": reason, "message": message}
    return {"terminated": said}


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return pod({"waiting": {"reason": reason, "message": message}}, phase="Pending", **more)


def unschedulable(message: str, reason: str = "Unschedulable") -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    return pod(phase="Pending", node=None, conditions=(condition,))


def disrupted(cause: str, message: str = "") -> tuple[dict[str, str], ...]:
    return ({"type": "DisruptionTarget", "status": "True", "reason": cause, "message": message},)


DRAINED = disrupted("EvictionByEvictionAPI", "drained")
DRIVEN_OUT = disrupted("DeletionByTaintManager")
COLLECTED = disrupted("DeletionByPodGC", "PodGC: node no longer exists")


def judged(document: dict[str, Any], asked: bool = False, answers: bool = True) -> Verdict:
    """What is made of the pod, which is the same of what is kept of it."""
    found = verdict(document, asked, answers)
    kept = document | {"status": needed(document["status"])}
    assert verdict(kept, asked, answers) == found, "what is read of the pod is not kept"
    return found


def over(document: dict[str, Any], asked: bool = False) -> Over:
    found = judged(document, asked)
    assert isinstance(found, Over), found
    return found
