"""A pod that somebody has ended is a loss, and says by whom; where the platform had asked for it, it is a stop."""

from typing import Any

import pytest

from services.executor.domain.pod_states import Running, Taken
from tests.support.kubernetes.pod_documents import (
    COLLECTED,
    DRAINED,
    DRIVEN_OUT,
    LIVES,
    START_NS,
    disrupted,
    ended,
    judged,
    over,
    pod,
)


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
        (pod(ended(0, "stopping\n"), phase="Failed", reason="DeadlineExceeded", message="too long"), "evicted"),
    ],
)
def test_an_end_that_somebody_brought_about_is_a_stop_if_it_was_us_and_else_a_loss(
    document: dict[str, Any], code: str
) -> None:
    assert over(document, asked=True).stopped
    found = judged(document)
    assert isinstance(found, Taken)
    assert (found.reason.code, found.answers) == (code, True)
    assert found.reason.message.endswith(".")


def test_a_disruption_says_whose() -> None:
    found = judged(pod(ended(0, "stopping\n"), deleted=True, conditions=DRAINED))
    assert isinstance(found, Taken)
    assert "drained" in found.reason.message


def test_a_node_that_does_not_answer_loses_its_runs_once_the_cluster_gives_them_up() -> None:
    silent = pod(LIVES, deleted=True, conditions=DRIVEN_OUT)
    found = judged(silent, answers=False)
    assert isinstance(found, Taken)
    assert (found.reason.code, found.answers) == ("node_lost", False)
    assert "gpu-7" in found.reason.message
    assert judged(pod(LIVES), answers=False) == Running(START_NS), "the cluster still waits for it"
    assert judged(silent) == Running(START_NS), "it has its grace period on a living node"


def test_what_was_told_to_stop_has_not_stopped_while_its_node_does_not_answer() -> None:
    silent = pod(LIVES, deleted=True, conditions=DRIVEN_OUT)
    assert judged(silent, asked=True, answers=False) == Running(START_NS)


@pytest.mark.parametrize(
    ("conditions", "code"), [(COLLECTED, "node_gone"), (DRIVEN_OUT, "node_lost"), ((), "result_unknown")]
)
@pytest.mark.parametrize("asked", [False, True])
def test_a_pod_that_the_cluster_has_given_up_is_lost_though_its_container_was_last_seen_alive(
    conditions: tuple[dict[str, str], ...], code: str, asked: bool
) -> None:
    found = judged(pod(LIVES, phase="Failed", deleted=True, conditions=conditions), asked, answers=False)
    assert isinstance(found, Taken)
    assert (found.reason.code, found.answers) == (code, False)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        (pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory"), "evicted"),
        (pod(ended(137, "", "ContainerStatusUnknown"), phase="Failed"), "result_unknown"),
    ],
)
def test_what_the_node_took_away_is_lost(document: dict[str, Any], code: str) -> None:
    found = judged(document)
    assert isinstance(found, Taken)
    assert found.reason.code == code


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("words", ["", "exited\n", "stopping\n"])
def test_a_container_that_a_machine_lost_with_its_restart_has_no_code_of_its_own(words: str, asked: bool) -> None:
    found = judged(pod(ended(255, words, "Unknown"), phase="Failed"), asked)
    assert isinstance(found, Taken)
    assert found.reason.code == "result_unknown"
