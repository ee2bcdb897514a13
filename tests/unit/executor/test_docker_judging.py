"""What a run in a container is, from its files and the engine's word: the same whoever asks, and nothing forged."""

from typing import Any

import pytest

from services.executor.backends.docker.files import Marks
from services.executor.backends.docker.judging import judged
from services.executor.backends.docker.names import BOOT
from services.executor.backends.process.marks import Facts
from services.executor.domain.observation import Cancelled, Ended, Lost, Observation, Refused, Started, Waiting
from shared.contracts.job import Reason

HERE = "boot-1"
TIMES = {"StartedAt": "1970-01-01T00:00:01.000000005Z", "FinishedAt": "1970-01-01T00:00:09Z"}
"""In nanoseconds: BEGAN and OVER."""
BEGAN, OVER = 1_000_000_005, 9_000_000_000
CLAIM = {"pid": "1", "boot_id": HERE, "started_at": "1100000000"}
END = {
    "started_at": "1100000000",
    "ended_at": "8000000000",
    "exit_code": "3",
    "signal": "",
    "stopped": "False",
    "forced": "False",
    "output_bytes": "7",
}


def container(running: bool, oom: bool = False, boot: str = HERE) -> dict[str, Any]:
    state = {"Running": running, "Pid": 17 if running else 0, "OOMKilled": oom} | TIMES
    return {"State": state, "Config": {"Labels": {BOOT: boot}}}


def code(seen: Observation) -> str:
    assert isinstance(seen, Lost)
    return seen.reason.code


def test_what_nobody_has_launched_or_whose_container_has_no_order_yet_waits() -> None:
    assert judged(Marks(), None, HERE) == Waiting()
    assert judged(Marks(made=True), container(True), HERE) == Waiting()
    assert judged(Marks(made=True), container(False), HERE) == Waiting()


def test_a_tombstone_is_a_run_that_never_starts() -> None:
    assert judged(Marks(made=True, buried_ns=5), None, HERE) == Cancelled(5)


@pytest.mark.parametrize(
    "start",
    [
        {"pid": "", "boot_id": HERE, "started_at": "5"},
        {"pid": "1", "boot_id": "boot-0", "started_at": "5"},
        {"pid": "1", "boot_id": HERE, "started_at": "-9"},
        {"pid": "1", "boot_id": HERE, "started_at": "9" * 40},
        {"started_at": "soon"},
        {},
        None,
    ],
)
def test_what_runs_lives_since_its_container_does_whatever_it_claims(start: Facts | None) -> None:
    for end in (None, END, END | {"exit_code": "many"}, END | {"stopped": "True"}):
        seen = judged(Marks(made=True, asked=True, begun=True, start=start, end=end), container(True), HERE)
        assert seen == Started(BEGAN, 17)


@pytest.mark.parametrize("ended_at", ["1", "1000000004", "9000000001", str(1 << 61)])
def test_an_end_lies_within_the_containers_life(ended_at: str) -> None:
    marks = Marks(begun=True, start=CLAIM, end=END | {"started_at": "1", "ended_at": ended_at})
    seen = judged(marks, container(False), HERE)
    assert isinstance(seen, Ended) and (seen.started_ns, seen.ended_ns) == (BEGAN, OVER)


def test_a_refusal_stands() -> None:
    refused = Refused(Reason(code="no_image", message="No image."))
    assert judged(Marks(made=True, refused=refused), container(True), HERE) == refused


def test_a_claim_in_a_running_container_lives() -> None:
    assert judged(Marks(made=True, begun=True, start=CLAIM), container(True), HERE) == Started(BEGAN, 17)


def test_a_conclusion_counts_once_the_container_has_ended() -> None:
    marks = Marks(made=True, begun=True, start=CLAIM, end=END)
    assert isinstance(judged(marks, container(True), HERE), Started), "a run can write that itself"
    for gone in (container(False), None):
        seen = judged(marks, gone, HERE)
        assert isinstance(seen, Ended)
        assert (seen.exit_code, seen.stopped, seen.totals and seen.totals.network_scope) == (3, False, "run")
        assert seen.ended_ns == 8_000_000_000


def test_a_conclusion_from_before_a_restart_of_the_machine_counts() -> None:
    assert isinstance(judged(Marks(made=True, begun=True, start=CLAIM, end=END), container(False), "boot-2"), Ended)


def test_stopped_by_others_is_lost_and_stopped_by_the_platform_is_not() -> None:
    stopped = END | {"stopped": "True"}
    assert code(judged(Marks(start=CLAIM, end=stopped), None, HERE)) == "stopped_from_outside"
    seen = judged(Marks(start=CLAIM, end=stopped, asked=True), None, HERE)
    assert isinstance(seen, Ended) and seen.stopped


@pytest.mark.parametrize(
    ("there", "why"),
    [
        (container(False), "container_killed"),
        (container(False, oom=True), "out_of_memory"),
        (None, "container_removed"),
        (container(False, boot="boot-0"), "node_restarted"),
    ],
)
def test_without_a_conclusion_it_is_said_what_became_of_the_container(there: dict[str, Any] | None, why: str) -> None:
    assert code(judged(Marks(made=True, begun=True, start=CLAIM), there, HERE)) == why


@pytest.mark.parametrize(
    "forged",
    [
        {"exit_code": "256"},
        {"exit_code": "-1"},
        {"exit_code": "many"},
        {"ended_at": str(1 << 70)},
        {"ended_at": "4"},
        {"started_at": "0"},
        {"output_bytes": "-7"},
        {"signal": "<b>"},
        {"cpu_ns": str(1 << 80)},
        {"read_bytes": "-1"},
    ],
)
def test_what_no_supervisor_would_have_written_is_no_end(forged: dict[str, str]) -> None:
    assert code(judged(Marks(made=True, begun=True, start=CLAIM, end=END | forged), None, HERE)) == "marks_damaged"


def test_a_claim_that_a_run_has_erased_is_missed_once_its_container_is_gone() -> None:
    assert judged(Marks(made=True, begun=True), container(True), HERE) == Started(BEGAN, 17)
    assert code(judged(Marks(made=True, begun=True), container(False), HERE)) == "marks_damaged"
    assert code(judged(Marks(made=True, begun=True), None, HERE)) == "container_removed"
    cut = Marks(begun=True, start=CLAIM, end={"exit_code": "0"})
    assert code(judged(cut, container(False), HERE)) == "marks_damaged"
