"""What a pod's status says of its run: each answer of a cluster is one verdict, and each failure a sentence."""

from typing import Any

import pytest

from services.executor.domain.pod_names import CONTAINER, TOMBSTONE
from services.executor.domain.pod_states import (
    Buried,
    NeverStarted,
    Obstacle,
    Over,
    Pending,
    Running,
    Taken,
    Verdict,
    clearer,
    verdict,
)

START, END = "2026-12-04T12:00:00Z", "2026-12-04T12:00:09Z"
UNBOUND = "unbound immediate PersistentVolumeClaims"
START_NS = 1_796_385_600_000_000_000


def pod(
    state: dict[str, Any] | None = None,
    phase: str = "Running",
    deleted: bool = False,
    node: str | None = "gpu-7",
    conditions: tuple[dict[str, str], ...] = (),
    **status: Any,
) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": "job-x-a1-r0", "creationTimestamp": START, "annotations": {}}
    if deleted:
        metadata["deletionTimestamp"] = END
    container = {"image": "lab/train:2", "resources": {"limits": {"memory": "512Mi"}}}
    found = {"phase": phase, "conditions": list(conditions), **status}
    if state is not None:
        found["containerStatuses"] = [{"name": CONTAINER, "state": state}]
    return {"metadata": metadata, "spec": {"nodeName": node, "containers": [container]}, "status": found}


def ended(code: int, message: str = "", reason: str = "Error") -> dict[str, Any]:
    said = {"exitCode": code, "startedAt": START, "finishedAt": END, "reason": reason, "message": message}
    return {"terminated": said}


def waiting(reason: str, message: str = "") -> dict[str, Any]:
    return pod({"waiting": {"reason": reason, "message": message}}, phase="Pending")


def unschedulable(message: str, reason: str = "Unschedulable") -> dict[str, Any]:
    condition = {"type": "PodScheduled", "status": "False", "reason": reason, "message": message}
    return pod(phase="Pending", node=None, conditions=(condition,))


def over(document: dict[str, Any], asked: bool = False) -> Over:
    found = verdict(document, asked)
    assert isinstance(found, Over), found
    return found


def test_a_container_that_lives_has_started() -> None:
    assert verdict(pod({"running": {"startedAt": START}}), asked=False) == Running(START_NS)
    assert verdict(pod({"running": {"startedAt": START}}, deleted=True), asked=True) == Running(START_NS)


@pytest.mark.parametrize(("code", "signal"), [(0, None), (3, None), (255, None), (137, "SIGKILL"), (143, "SIGTERM")])
def test_an_end_has_its_code_and_its_signal(code: int, signal: str | None) -> None:
    found = over(pod(ended(code, "exited\n")))
    assert (found.exit_code, found.signal, found.stopped, found.forced, found.reason) == (
        code,
        signal,
        False,
        False,
        None,
    )
    assert (found.started_ns, found.ended_ns) == (START_NS, START_NS + 9_000_000_000)


def test_what_the_container_says_first_decides_whether_it_was_stopped() -> None:
    stopped = over(pod(ended(0, "stopping\nexited\ntold\n"), deleted=True), asked=True)
    assert (stopped.stopped, stopped.forced) == (True, False)
    exited = over(pod(ended(0, "exited\nstopping\n"), deleted=True), asked=True)
    assert exited.stopped is False, "it had ended before the stop reached it"


def test_a_stop_that_took_a_sigkill_is_forced() -> None:
    assert over(pod(ended(137, "stopping\ntold\n"), deleted=True), asked=True).forced
    assert over(pod(ended(137), deleted=True), asked=True).forced, "an image without a shell says nothing"


def test_an_end_by_somebody_elses_deletion_is_a_loss() -> None:
    found = verdict(pod(ended(0, "stopping\nexited\n"), deleted=True), asked=False)
    assert isinstance(found, Taken)
    assert found.reason.code == "stopped_by_others"


def disrupted(cause: str, message: str = "") -> tuple[dict[str, str], ...]:
    return ({"type": "DisruptionTarget", "status": "True", "reason": cause, "message": message},)


DRAINED = disrupted("EvictionByEvictionAPI", "drained")
DRIVEN_OUT = disrupted("DeletionByTaintManager")
COLLECTED = disrupted("DeletionByPodGC", "PodGC: node no longer exists")
LIVES = {"running": {"startedAt": START}}


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (pod(ended(0, "stopping\nexited\n"), deleted=True), "stopped_by_others"),
        (pod(ended(0), deleted=True), "stopped_by_others"),
        (pod(ended(0, "stopping\nexited\n"), deleted=True, conditions=DRAINED), "disrupted"),
        (pod(ended(0), conditions=disrupted("PreemptionByScheduler")), "disrupted"),
        (pod(ended(0, "stopping\n"), deleted=True, conditions=DRIVEN_OUT), "node_closed"),
        (pod(ended(137), phase="Failed", reason="Evicted", message="low on memory"), "evicted"),
        (pod(ended(0, "stopping\n"), phase="Failed", reason="Terminated", message="node shutdown"), "evicted"),
    ],
)
def test_an_end_that_somebody_brought_about_is_a_stop_if_it_was_us_and_else_a_loss(
    document: dict[str, Any], code: str
) -> None:
    assert over(document, asked=True).stopped
    found = verdict(document, asked=False)
    assert isinstance(found, Taken)
    assert (found.reason.code, found.answers) == (code, True)
    assert found.reason.message.endswith(".")


def test_a_run_whose_claim_has_other_files_has_not_started() -> None:
    found = verdict(pod(ended(1, "misplaced\n"), phase="Failed"), asked=False)
    assert isinstance(found, NeverStarted)
    assert (found.obstacle.reason.code, found.obstacle.busy) == ("claim_differs", False)
    assert over(pod(ended(1, "exited\nmisplaced\n"))).exit_code == 1, "a command that says so itself has run"


def test_a_run_that_had_ended_before_its_node_took_it_away_has_ended_by_itself() -> None:
    found = over(pod(ended(3, "exited\n"), phase="Failed", reason="Evicted", message="low on memory"))
    assert (found.exit_code, found.stopped) == (3, False)


def test_a_disruption_says_whose() -> None:
    found = verdict(pod(ended(0, "stopping\n"), deleted=True, conditions=DRAINED), asked=False)
    assert isinstance(found, Taken)
    assert "drained" in found.reason.message


def test_a_node_that_does_not_answer_loses_its_runs_once_the_cluster_gives_them_up() -> None:
    silent = pod(LIVES, deleted=True, conditions=DRIVEN_OUT)
    found = verdict(silent, asked=False, answers=False)
    assert isinstance(found, Taken)
    assert (found.reason.code, found.answers) == ("node_lost", False)
    assert "gpu-7" in found.reason.message
    assert verdict(pod(LIVES), asked=False, answers=False) == Running(START_NS), "the cluster still waits for it"
    assert verdict(silent, asked=False, answers=True) == Running(START_NS), "it has its grace period on a living node"


def test_what_was_told_to_stop_has_not_stopped_while_its_node_does_not_answer() -> None:
    silent = pod(LIVES, deleted=True, conditions=DRIVEN_OUT)
    assert verdict(silent, asked=True, answers=False) == Running(START_NS)


@pytest.mark.parametrize(
    ("conditions", "code"), [(COLLECTED, "node_gone"), (DRIVEN_OUT, "node_lost"), ((), "result_unknown")]
)
@pytest.mark.parametrize("asked", [False, True])
def test_a_pod_that_the_cluster_has_given_up_is_lost_though_its_container_was_last_seen_alive(
    conditions: tuple[dict[str, str], ...], code: str, asked: bool
) -> None:
    found = verdict(pod(LIVES, phase="Failed", deleted=True, conditions=conditions), asked, answers=False)
    assert isinstance(found, Taken)
    assert (found.reason.code, found.answers) == (code, False)


def test_out_of_memory_is_said_only_of_an_end_that_failed() -> None:
    killed = over(pod(ended(137, "", "OOMKilled")))
    assert killed.reason is not None
    assert killed.reason.code == "oom_killed"
    assert "512Mi" in killed.reason.message
    assert over(pod(ended(0, "exited\n", "OOMKilled"))).reason is None, "a child was killed, and the run coped"


@pytest.mark.parametrize(
    ("document", "code", "busy", "patience"),
    [
        (waiting("ErrImagePull", "no such host"), "image_unavailable", False, True),
        (waiting("ImagePullBackOff", "back-off"), "image_unavailable", False, True),
        (waiting("ErrImageNeverPull", "not there"), "image_missing", False, False),
        (waiting("InvalidImageName", "bad"), "image_invalid", False, False),
        (waiting("CreateContainerConfigError", "secret not found"), "container_refused", False, True),
        (waiting("CreateContainerError", "no such device"), "container_refused", False, True),
        (waiting("RunContainerError", "cgroup is full"), "container_refused", False, True),
        (waiting("RegistryUnavailable", "timeout"), "image_unavailable", False, True),
        (waiting("ImageInspectError", "broken"), "image_unavailable", False, True),
        (unschedulable("0/3 nodes are available: 3 Insufficient cpu"), "unschedulable", True, True),
        (unschedulable('persistentvolumeclaim "data" not found'), "claim_missing", False, False),
        (unschedulable("binding volumes: timed out", "SchedulerError"), "scheduler_failed", True, True),
    ],
)
def test_what_keeps_a_run_from_starting_is_told_in_words(
    document: dict[str, Any], code: str, busy: bool, patience: bool
) -> None:
    found = verdict(document, asked=False)
    assert isinstance(found, Pending)
    assert found.obstacle is not None
    assert (found.obstacle.reason.code, found.obstacle.busy, found.obstacle.patience) == (code, busy, patience)
    assert found.obstacle.reason.message.endswith(".")


def test_a_claim_without_a_volume_is_no_nodes_fault() -> None:
    found = verdict(unschedulable("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims."), False)
    assert isinstance(found, Pending) and found.obstacle is not None
    assert (found.obstacle.reason.code, found.obstacle.busy, found.obstacle.own) == ("claim_unbound", True, True)


def test_a_pod_on_its_way_has_no_obstacle() -> None:
    assert verdict(waiting("ContainerCreating"), asked=False) == Pending(None)
    assert verdict(pod(phase="Pending", node=None), asked=False) == Pending(None)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (pod(ended(128, 'exec: "/bin/sh": no such file', "StartError"), phase="Failed"), "program_missing"),
        (pod(ended(128, "no such file", "ContainerCannotRun"), phase="Failed"), "program_missing"),
        (pod(phase="Failed", reason="UnexpectedAdmissionError", message="Allocate failed"), "node_refused"),
        (pod(phase="Failed", reason="NodeAffinity", message="Predicate failed"), "node_refused"),
        (pod(phase="Failed", conditions=COLLECTED), "node_refused"),
        (pod(phase="Failed", reason="OutOfnvidia.com/gpu", message="Node didn't have enough"), "node_refused"),
        (pod(phase="Pending", node=None, deleted=True), "stopped_by_others"),
    ],
)
def test_what_ends_without_having_begun_never_started(document: dict[str, Any], code: str) -> None:
    found = verdict(document, asked=False)
    assert isinstance(found, NeverStarted)
    assert found.obstacle.reason.code == code


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory"), "evicted"),
        (pod(ended(137, "", "ContainerStatusUnknown"), phase="Failed"), "result_unknown"),
    ],
)
def test_what_the_node_took_away_is_lost(document: dict[str, Any], code: str) -> None:
    found: Verdict = verdict(document, asked=False)
    assert isinstance(found, Taken)
    assert found.reason.code == code


@pytest.mark.parametrize(("exit_code", "told"), [(143, 143), (0, 137)])
@pytest.mark.parametrize(
    "message",
    [
        "Pod ephemeral local storage usage exceeds the total limit of containers 20Mi. ",
        'Container job exceeded its local ephemeral storage limit "20Mi". ',
        'Usage of EmptyDir volume "tmp" exceeds the limit "10Mi". ',
    ],
)
def test_who_was_evicted_for_what_itself_has_written_has_failed(message: str, exit_code: int, told: int) -> None:
    how = ended(exit_code, "stopping\nexited\ntold\n")
    document = pod(how, phase="Failed", reason="Evicted", message=message)
    found = over(document)
    assert (found.exit_code, found.stopped) == (told, False)
    assert found.reason is not None
    assert (found.reason.code, message.strip() in found.reason.message) == ("disk_exceeded", True)
    assert over(document, asked=True).stopped
    document["status"]["containerStatuses"] = []
    assert isinstance(verdict(document, asked=False), Taken)


def obstacle(document: dict[str, Any]) -> Obstacle:
    found = verdict(document, asked=False)
    assert isinstance(found, Pending)
    assert found.obstacle is not None
    return found.obstacle


@pytest.mark.parametrize("reason", ["Unschedulable", "SchedulerError"])
def test_a_claim_without_a_volume_is_named_whatever_the_scheduler_calls_it(reason: str) -> None:
    found = obstacle(unschedulable(f"0/3 nodes are available: pod has {UNBOUND}. preemption: 0/3", reason))
    assert found.reason.code == "claim_unbound"
    assert UNBOUND in found.reason.message


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


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        ({"running": {"startedAt": START}}, Running),
        (ended(3, "exited\n"), Over),
        ({"waiting": {}}, Pending),
        ({}, Pending),
    ],
)
def test_what_a_cluster_has_put_beside_the_run_is_not_the_run(state: dict[str, Any], kind: type[Verdict]) -> None:
    before, after = "istio-proxy", "vault-agent"  # kubelets sort them by name
    document = pod(state)
    document["status"]["containerStatuses"].insert(0, {"name": before, "state": ended(0)})
    document["status"]["containerStatuses"].append({"name": after, "state": {"running": {"startedAt": END}}})
    assert type(verdict(document, asked=False)) is kind


def test_a_tombstone_is_one_whatever_else_it_says() -> None:
    document = unschedulable("gated")
    document["metadata"]["annotations"][TOMBSTONE] = "stopped"
    assert verdict(document, asked=True) == Buried(START_NS)


def test_sentences_of_a_cluster_are_cut_and_on_one_line() -> None:
    found = verdict(waiting("ErrImagePull", "line\n" * 1000), asked=False)
    assert isinstance(found, Pending)
    assert found.obstacle is not None
    assert "\n" not in found.obstacle.reason.message
    assert len(found.obstacle.reason.message) < 700
