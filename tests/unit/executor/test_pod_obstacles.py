"""What keeps a pod from starting is told in words, and whether it may pass."""

from typing import Any

import pytest

from services.executor.domain.pod_names import SHELL_USE
from services.executor.domain.pod_obstacles import Obstacle, clearer, overdue
from services.executor.domain.pod_shell import ShellUse
from services.executor.domain.pod_states import NeverStarted, Pending, WithoutShell
from services.executor.domain.pod_status import needed
from services.executor.domain.quoted import sentence
from tests.support.kubernetes.pod_documents import NO_SHELL, START, START_NS, ended, judged, pod, unschedulable, waiting

UNBOUND = "unbound immediate PersistentVolumeClaims"


def obstacle(document: dict[str, Any]) -> Obstacle:
    found = judged(document)
    assert isinstance(found, Pending)
    assert found.obstacle is not None
    return found.obstacle


@pytest.mark.parametrize(
    ("document", "code", "busy", "patience"),
    [
        (waiting("ErrImagePull", "no such host"), "image_unavailable", True, True),
        (waiting("ImagePullBackOff", "back-off"), "image_unavailable", True, True),
        (waiting("ErrImageNeverPull", "not there"), "image_missing", False, False),
        (waiting("InvalidImageName", "bad"), "image_invalid", False, False),
        (waiting("CreateContainerConfigError", "secret not found"), "container_refused", False, True),
        (waiting("CreateContainerError", "no such device"), "container_refused", False, True),
        (waiting("RunContainerError", "cgroup is full"), "container_refused", False, True),
        (waiting("RegistryUnavailable", "timeout"), "image_unavailable", True, True),
        (waiting("ImageInspectError", "broken"), "image_unavailable", True, True),
        (unschedulable("0/3 nodes are available: 3 Insufficient cpu"), "unschedulable", True, True),
        (unschedulable('persistentvolumeclaim "data" not found'), "claim_missing", False, False),
        (unschedulable("binding volumes: timed out", "SchedulerError"), "scheduler_failed", True, True),
    ],
)
def test_what_keeps_a_run_from_starting_is_told_in_words(
    document: dict[str, Any], code: str, busy: bool, patience: bool
) -> None:
    found = obstacle(document)
    assert (found.reason.code, found.busy, found.patience) == (code, busy, patience)
    assert found.reason.message.endswith(".")


PULLING = 'failed to pull and unpack image "registry.lab/train:3": failed to '


@pytest.mark.parametrize(
    ("cause", "said", "busy", "own"),
    [
        ("ErrImagePull", PULLING + "resolve reference: unexpected status: 503 Service Unavailable", True, True),
        ("ErrImagePull", PULLING + "copy: httpReadSeeker: 429 Too Many Requests - toomanyrequests", True, True),
        ("ErrImagePull", PULLING + "do request: dial tcp: lookup registry.lab: no such host", True, True),
        ("ImagePullBackOff", 'Back-off pulling image "registry.lab/train:3"', True, True),
        ("ErrImagePull", PULLING + "extract layer: write /lib/a.so: no space left on device", True, False),
        ("ErrImagePull", PULLING + "prepare extraction snapshot: parent snapshot sha256:1a: not found", True, False),
        ("ImageInspectError", "Failed to inspect image: context deadline exceeded", True, False),
        ("ErrImagePull", PULLING + "resolve reference: registry.lab/train:3: not found", False, True),
        ("ErrImagePull", PULLING + "authorize: unexpected status: 401 Unauthorized", False, True),
        ("ErrImagePull", "no match for platform in manifest sha256:00ff: not found", False, True),
    ],
)
def test_an_image_that_may_be_had_another_time_or_elsewhere_ends_no_job(
    cause: str, said: str, busy: bool, own: bool
) -> None:
    found = obstacle(waiting(cause, said))
    assert (found.reason.code, found.busy, found.own) == ("image_unavailable", busy, own)
    assert said in found.reason.message


@pytest.mark.parametrize("reason", ["Unschedulable", "SchedulerError"])
def test_a_claim_without_a_volume_is_no_nodes_fault_whatever_the_scheduler_calls_it(reason: str) -> None:
    found = obstacle(unschedulable(f"0/3 nodes are available: pod has {UNBOUND}. preemption: 0/3", reason))
    assert (found.reason.code, found.busy, found.own) == ("claim_unbound", True, True)
    assert UNBOUND in found.reason.message


RUNC = "OCI runtime create failed: runc create failed: unable to start container process: "


def refused(message: str, **more: Any) -> Obstacle:
    found = judged(pod(ended(128, message, "StartError"), phase="Failed", **more))
    assert isinstance(found, NeverStarted)
    return found.obstacle


WITHOUT_SHELL = [
    NO_SHELL,
    RUNC + 'error during container init: exec: "/bin/sh": executable file not found in $PATH: unknown',
    RUNC + 'exec: "/bin/sh": permission denied: unknown',
    "crun: executable file `/bin/sh` not found: No such file or directory: unknown",
]


@pytest.mark.parametrize("said", WITHOUT_SHELL)
@pytest.mark.parametrize(
    ("shell", "words"), [(ShellUse.LINE, "Give the command as a list"), (ShellUse.RANKS, "or a single node")]
)
def test_a_run_that_needs_a_shell_is_told_what_to_do_where_its_image_has_none(
    said: str, shell: ShellUse, words: str
) -> None:
    found = refused(said, shell=shell)
    assert (found.reason.code, found.busy, found.patience) == ("shell_missing", False, False)
    assert words in found.reason.message and "lab/train:2" in found.reason.message
    assert found.reason.details["said"] == sentence(said)
    made = obstacle(waiting("CreateContainerError", said, shell=shell))
    assert made.reason == found.reason, "a runtime that finds it out when it makes the container"


@pytest.mark.parametrize("said", WITHOUT_SHELL)
def test_a_run_that_needs_none_starts_without_unless_it_is_to_stop(said: str) -> None:
    found = pod(ended(128, said, "StartError"), phase="Failed", shell=ShellUse.SCRIPTS)
    assert judged(found) == WithoutShell()
    assert isinstance(judged(found, asked=True), NeverStarted)
    assert judged(waiting("CreateContainerError", said, shell=ShellUse.SCRIPTS)) == WithoutShell()


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("/opt/train", 'exec: "/opt/train": stat /opt/train: no such file or directory: unknown'),
        ("./train", 'error during container init: exec: "./train": permission denied: unknown'),
        ("/opt", 'exec: "/opt": is a directory: unknown'),
        ("c++", 'exec: "c++": executable file not found in $PATH: unknown'),
        ("$$HOME/train", 'exec: "$HOME/train": stat $HOME/train: no such file or directory: unknown'),
    ],
)
def test_a_program_that_an_image_does_not_have_is_named(program: str, said: str) -> None:
    found = refused(RUNC + said, shell=ShellUse.NONE, program=program)
    name = program.replace("$$", "$")
    assert (found.reason.code, found.busy, found.reason.details["program"]) == ("program_missing", False, name)
    assert f"has no program {name} " in found.reason.message


def test_a_pod_that_does_not_say_what_its_shell_is_for_is_tried_without() -> None:
    found = pod(ended(128, NO_SHELL, "StartError"), phase="Failed")
    for said in ({}, {SHELL_USE: "a joke"}):
        found["metadata"]["annotations"] = said
        assert judged(found) == WithoutShell()


@pytest.mark.parametrize(
    "said",
    [
        RUNC + 'exec: "/bin/sh-hook": executable file not found in $PATH: unknown',
        "nvidia-container-cli: initialization error: driver rpc error: timed out: unknown",
        RUNC + "error gathering device information while adding custom device: no such file or directory: unknown",
        RUNC + 'error mounting "/dev/shm": mount: permission denied: unknown',
        RUNC + 'exec: "nvidia-container-runtime-hook": executable file not found in $PATH: unknown',
        "",
    ],
)
def test_what_a_node_fails_at_when_it_starts_a_container_is_its_own(said: str) -> None:
    found = refused(said)
    assert (found.reason.code, found.busy, found.own) == ("container_refused", True, False)
    assert "gpu-7" in found.reason.message and said in found.reason.message


def test_a_run_that_has_too_little_memory_to_start_is_told_to_ask_for_more() -> None:
    found = refused(RUNC + "container init was OOM-killed (memory limit too low?): unknown")
    assert (found.reason.code, found.busy) == ("container_refused", False)
    assert found.reason.message.endswith("ask for more memory_mib.")


def test_a_pod_on_its_way_has_no_obstacle() -> None:
    assert judged(waiting("ContainerCreating")) == Pending(None)
    assert judged(pod(phase="Pending", node=None)) == Pending(None)


def test_a_pod_that_its_node_has_taken_may_be_on_its_way_for_so_long_and_no_longer() -> None:
    document = waiting("ContainerCreating")
    assert overdue(document, START_NS, 1) is None, "no node has taken it"
    document["status"]["startTime"] = START
    kept = document | {"status": needed(document["status"])}
    assert overdue(kept, START_NS + 3_599_999_999_999, 3600) is None
    late = overdue(kept, START_NS + 3_600_000_000_000, 3600)
    assert late is not None and (late.busy, late.own, late.patience) == (True, True, False)
    assert late.reason.details == {"node": "gpu-7", "image": "lab/train:2", "hours": "1"}


def test_why_an_image_could_not_be_pulled_is_told_while_the_node_waits_to_try_again() -> None:
    cause = obstacle(waiting("ErrImagePull", "lookup registry.lab: no such host"))
    bare = obstacle(waiting("ImagePullBackOff", 'Back-off pulling image "lab/train:2"'))
    whole = obstacle(waiting("ImagePullBackOff", 'Back-off pulling image "lab/train:2": ErrImagePull: denied'))
    missing = obstacle(waiting("ErrImageNeverPull"))
    assert clearer(None, bare) == bare
    assert clearer(cause, bare) == cause
    assert clearer(bare, cause) == cause
    assert clearer(cause, whole) == whole, "it says the cause of the last try"
    assert clearer(missing, bare) == bare, "that was another trouble"
