"""No pod outlives its run, one that does not start is given its time, and no start is told that is not kept."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes.observing import POD_GONE
from services.executor.backends.kubernetes.outputs import INCOMPLETE
from services.executor.domain.observation import Lost, Refused, Started, Waiting
from shared.contracts.job import Reason
from tests.support.kubernetes.one_pod import RUN, Executor
from tests.support.kubernetes.pod_documents import END, LIVES, START_NS, ended
from tests.support.waiting import until

FULL = Refused(Reason(code="cluster_refused", message="There is no room."), busy=True)
GIVEN_UP = Reason(code="run_forced", message="ada gave it up.")
OVER = ended(0, "exited\n")
CREATING = {"waiting": {"reason": "ContainerCreating"}}
NOT_YET = "2999-01-01T00:00:00Z"
PULLED_IN_VAIN = {"waiting": {"reason": "ErrImagePull", "message": "no such host"}}


@pytest.fixture
def executor(tmp_path: Path) -> Executor:
    """Its run was refused, and so has ended."""
    executor = Executor(tmp_path)
    executor.kept.conclude(RUN, FULL)
    return executor


@pytest.mark.parametrize("state", [None, {"waiting": {"reason": "ContainerCreating"}}, LIVES])
async def test_a_pod_that_comes_after_its_runs_end_is_deleted_by_its_uid_and_let_go(
    executor: Executor, state: dict[str, Any] | None
) -> None:
    executor.hears_of(state)
    await executor.looked()
    [options] = executor.server.deleted
    assert options["preconditions"] == {"uid": "p-1"}
    assert executor.server.released == [{"uid": "p-1", "resourceVersion": "7", "finalizers": []}]
    assert executor.kept.end(RUN) == FULL


async def test_what_others_have_put_beside_a_run_does_not_outlive_it(executor: Executor) -> None:
    executor.hears_of(OVER, beside=LIVES)
    await executor.looked()
    assert len(executor.server.deleted) == len(executor.server.released) == 1


async def test_a_pod_that_comes_late_is_deleted_once_the_cluster_can_do_that(executor: Executor) -> None:
    executor.server.away = 1
    executor.hears_of(LIVES)
    await executor.looked()
    assert (executor.server.deleted, executor.server.released) == ([], [])
    sweep = asyncio.create_task(executor.sweep.run())
    await until(lambda: executor.server.released, "the sweep has it looked at again")
    sweep.cancel()
    assert len(executor.server.deleted) == 1
    assert not executor.observing.outlived


@pytest.mark.parametrize(
    "told",
    [
        {"state": OVER, "phase": "Succeeded"},
        {"state": OVER},
        {"state": OVER, "beside": OVER},
        {"phase": "Failed"},
        {"state": LIVES, "deletionTimestamp": END},
        {"phase": "Pending", "buried": True},
    ],
)
async def test_a_pod_that_has_ended_is_being_deleted_or_keeps_a_name_is_let_go_and_left_alone(
    executor: Executor, told: dict[str, Any]
) -> None:
    executor.hears_of(**told)
    await executor.looked()
    assert executor.server.deleted == []
    assert len(executor.server.released) == 1


async def test_a_living_pod_that_is_no_runs_is_left_alone(executor: Executor) -> None:
    executor.hears_of(LIVES, ownerReferences=[])
    executor.hears_of(LIVES, namespace="jobyard-another")
    await executor.looked()
    assert (executor.server.deleted, executor.server.released) == ([], [])


async def test_a_pod_that_does_not_start_is_given_up_also_if_nothing_new_is_heard_of_it(tmp_path: Path) -> None:
    executor = Executor(tmp_path, patience_s=0.05)
    executor.hears_of(PULLED_IN_VAIN)
    await until(lambda: executor.server.deleted, "it is given up")
    stop = executor.kept.stop_of(RUN)
    assert stop is not None and stop["refused"]["code"] == "image_unavailable"


async def test_a_pod_that_its_node_does_not_start_in_its_time_is_given_up_and_its_run_waits(tmp_path: Path) -> None:
    executor = Executor(tmp_path, start_s=7200.0)
    executor.hears_of(CREATING, phase="Pending", node="gpu-7", taken="2020-01-01T00:00:00Z")
    await until(lambda: executor.server.deleted, "it is given up")
    stop = executor.kept.stop_of(RUN)
    assert stop is not None and (stop["busy"], stop["own"], stop["refused"]["code"]) == (True, True, "start_overdue")
    assert "gpu-7" in stop["refused"]["message"] and "within 2 h" in stop["refused"]["message"]


@pytest.mark.parametrize("taken", [NOT_YET, None])
async def test_one_that_has_time_left_is_not(tmp_path: Path, taken: str | None) -> None:
    executor = Executor(tmp_path)
    executor.hears_of(CREATING, phase="Pending", taken=taken)
    await executor.looked()
    assert executor.kept.stop_of(RUN) is None


async def test_the_output_of_a_run_whose_pod_is_gone_comes_to_an_end_and_says_what_it_lacks(tmp_path: Path) -> None:
    executor = Executor(tmp_path)
    await executor.lives()
    executor.pods.forget(RUN)
    await until(lambda: executor.kept.has_ended(RUN), "it is over")
    await executor.looked()
    assert executor.kept.end(RUN) == Lost(POD_GONE)
    assert executor.output.decode() == f"{INCOMPLETE}\n"


@pytest.mark.parametrize(
    "told",
    [
        {"phase": "Failed"},
        {"state": ended(1, "misplaced\n"), "phase": "Failed"},
        {"phase": "Pending", "buried": True},
    ],
)
async def test_so_does_that_of_a_run_that_had_begun_though_its_pod_says_that_it_had_not(
    tmp_path: Path, told: dict[str, Any]
) -> None:
    executor = Executor(tmp_path, patience_s=0.05)
    await executor.lives()
    executor.hears_of(**told)
    await until(lambda: executor.kept.has_ended(RUN), "it is over")
    await executor.looked()
    assert isinstance(executor.kept.end(RUN), Lost)
    assert executor.output.decode() == f"{INCOMPLETE}\n"


async def test_so_does_that_of_a_run_that_an_operator_gives_up(tmp_path: Path) -> None:
    executor = Executor(tmp_path)
    executor.hears_of(LIVES, node="gpu-7")
    await until(executor.outputs.under_way, "its log is asked for")
    await executor.looked()
    assert await executor.forcing.force([RUN], GIVEN_UP) == (RUN,)
    assert executor.kept.end(RUN) == Lost(GIVEN_UP)
    assert executor.output.decode() == f"{INCOMPLETE}\n"


async def test_the_last_word_on_the_pod_of_a_run_that_is_forgotten_makes_no_new_end(executor: Executor) -> None:
    executor.hears_of(OVER, phase="Succeeded")
    await executor.looked()
    executor.kept.forget([RUN])
    executor.hears_of(OVER, phase="Succeeded", deletionTimestamp=END, resourceVersion="9")
    await executor.looked()
    assert not executor.kept.has_ended(RUN)


async def test_no_start_is_told_before_the_next_process_would_know_of_it(tmp_path: Path) -> None:
    executor = Executor(tmp_path)
    executor.kept.full = True
    executor.hears_of(LIVES)
    await executor.looked()
    assert await executor.observing.observe(RUN) == Waiting()
    executor.kept.full = False
    await executor.looked()

    async def told() -> bool:
        return await executor.observing.observe(RUN) == Started(START_NS)

    await until(told, "its start is told")
    assert executor.kept.has_started(RUN)
    await executor.observing.close()
    for task in executor.outputs.under_way():
        task.cancel()
