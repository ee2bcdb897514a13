"""What a pod says of its run is one verdict, and of its words the first one decides."""

from typing import Any

import pytest

from services.executor.domain.pod_ends import Over
from services.executor.domain.pod_names import TOMBSTONE
from services.executor.domain.pod_shell import ShellUse
from services.executor.domain.pod_states import Buried, NeverStarted, Pending, Running, Taken, Verdict
from tests.support.kubernetes.pod_documents import (
    COLLECTED,
    END,
    NO_SHELL,
    START,
    START_NS,
    ended,
    judged,
    over,
    pod,
    unschedulable,
)


def test_a_container_that_lives_has_started() -> None:
    assert judged(pod({"running": {"startedAt": START}})) == Running(START_NS)
    assert judged(pod({"running": {"startedAt": START}}, deleted=True), asked=True) == Running(START_NS)


def test_what_the_container_says_first_decides_whether_it_was_stopped() -> None:
    stopped = over(pod(ended(0, "stopping\nexited\ntold\n"), deleted=True), asked=True)
    assert (stopped.stopped, stopped.forced) == (True, False)
    exited = over(pod(ended(0, "exited\nstopping\n"), deleted=True), asked=True)
    assert exited.stopped is False, "it had ended before the stop reached it"


def test_a_stop_that_took_a_sigkill_is_forced() -> None:
    assert over(pod(ended(137, "stopping\ntold\n"), deleted=True), asked=True).forced
    assert over(pod(ended(137), deleted=True), asked=True).forced, "whoever is killed says nothing"


def test_without_our_scripts_the_deletion_decides_whatever_the_program_has_written_where_they_write() -> None:
    for message in ("", "exited", "misplaced", "loading the model"):
        alone = pod(ended(0, message), deleted=True, shell=ShellUse.NONE)
        assert (over(alone, asked=True).stopped, over(alone, asked=True).forced) == (True, False)
        assert isinstance(judged(alone), Taken), "somebody else has deleted it"
    by_itself = over(pod(ended(3, "stopping"), shell=ShellUse.NONE))
    assert (by_itself.exit_code, by_itself.stopped) == (3, False)
    killed = over(pod(ended(137), deleted=True, shell=ShellUse.NONE), asked=True)
    assert (killed.stopped, killed.forced) == (True, True)
    evicted = pod(ended(0, "exited"), phase="Failed", shell=ShellUse.NONE, reason="Evicted", message="low on memory")
    assert isinstance(judged(evicted), Taken)


def test_a_run_whose_claim_has_other_files_has_not_started() -> None:
    found = judged(pod(ended(1, "misplaced\n"), phase="Failed"))
    assert isinstance(found, NeverStarted)
    assert (found.obstacle.reason.code, found.obstacle.busy) == ("claim_differs", False)


@pytest.mark.parametrize(
    ("message", "seconds"), [("exited\nmisplaced", 0), ("misplaced\nexited", 0), ("misplaced", 61)]
)
def test_a_command_that_says_itself_that_its_claim_has_other_files_has_failed(message: str, seconds: int) -> None:
    state = ended(1, f"{message}\n")
    state["terminated"]["finishedAt"] = f"2026-12-04T12:0{seconds // 60}:{seconds % 60:02}Z"
    found = over(pod(state, phase="Failed"))
    assert (found.exit_code, found.stopped) == (1, False)


@pytest.mark.parametrize("code", [0, 1, 137])
def test_a_command_that_says_itself_that_it_is_stopped_has_ended_by_itself(code: int) -> None:
    found = over(pod(ended(code, "stopping\nexited\n"), phase="Failed"))
    assert (found.exit_code, found.stopped, found.forced) == (code, False, False)


@pytest.mark.parametrize(("code", "words", "forced"), [(0, "exited told", False), (137, "", True)])
def test_where_somebody_else_s_word_came_first_the_deletion_decides(code: int, words: str, forced: bool) -> None:
    state = ended(code, f"saved at step 400\n{words}\n")
    stopped = over(pod(state, deleted=True), asked=True)
    assert (stopped.stopped, stopped.forced) == (True, forced)
    found = over(pod(state, phase="Failed"), asked=True)
    assert (found.stopped, found.forced) == (False, False), "it had ended before anybody deleted it"


def test_a_run_that_had_ended_before_its_node_took_it_away_has_ended_by_itself() -> None:
    found = over(pod(ended(3, "exited\n"), phase="Failed", reason="Evicted", message="low on memory"))
    assert (found.exit_code, found.stopped) == (3, False)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (pod(ended(128, NO_SHELL, "StartError"), phase="Failed"), "shell_missing"),
        (pod(ended(127, NO_SHELL, "ContainerCannotRun"), phase="Failed"), "shell_missing"),
        (pod(ended(128, "cgroup is full", "StartError"), phase="Failed"), "container_refused"),
        (pod(phase="Failed", reason="UnexpectedAdmissionError", message="Allocate failed"), "node_refused"),
        (pod(phase="Failed", reason="NodeAffinity", message="Predicate failed"), "node_refused"),
        (pod(phase="Failed", conditions=COLLECTED), "node_refused"),
        (pod(phase="Failed", reason="OutOfnvidia.com/gpu", message="Node didn't have enough"), "node_refused"),
        (pod(phase="Pending", node=None, deleted=True), "stopped_by_others"),
    ],
)
def test_what_ends_without_having_begun_never_started(document: dict[str, Any], code: str) -> None:
    found = judged(document)
    assert isinstance(found, NeverStarted)
    assert found.obstacle.reason.code == code


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
    assert type(judged(document)) is kind


def test_a_tombstone_is_one_whatever_else_it_says() -> None:
    document = unschedulable("gated")
    document["metadata"]["annotations"][TOMBSTONE] = "stopped"
    assert judged(document, asked=True) == Buried(START_NS)
