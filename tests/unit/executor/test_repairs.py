"""The reconcile loop's decision, for every status that a job holds something in and every phase of its run."""

import pytest

from services.executor.domain.repairs import PATIENCE_S, Local, Phase, Repairs, repairs
from shared.contracts.job import HOLDING, JobStatus
from tests.support.executor import ID, view_of

RUN = f"{ID}.1"
LEAVING = (JobStatus.PAUSING, JobStatus.KILLING)


def decide(status: JobStatus | None, phase: Phase | None, age_s: float = 0.0, settled: bool = True) -> Repairs:
    """For one job of the platform, and its run here; none: it is not there."""
    wanted = [view_of(status=status)] if status else []
    local = {RUN: Local(ID, 1, phase, age_s)} if phase else {}
    return repairs(wanted, local, local if settled else ())


@pytest.mark.parametrize("status", sorted(HOLDING))
def test_what_is_over_is_reported_again_until_the_platform_has_heard_it(status: JobStatus) -> None:
    assert decide(status, Phase.ENDED) == Repairs(report=[RUN])


@pytest.mark.parametrize("status", LEAVING)
@pytest.mark.parametrize("phase", [None, Phase.WAITING, Phase.STARTED])
def test_what_is_to_leave_is_stopped_whether_it_is_here_or_not(status: JobStatus, phase: Phase | None) -> None:
    assert decide(status, phase) == Repairs(stop=[RUN])


def test_a_missed_placement_is_launched() -> None:
    assert decide(JobStatus.SCHEDULING, None) == Repairs(launch=[RUN])


def test_a_run_that_the_platform_knows_and_this_node_does_not_is_lost() -> None:
    assert decide(JobStatus.RUNNING, None) == Repairs(lose=[RUN])


def test_a_launch_without_a_start_is_repeated_with_patience() -> None:
    assert decide(JobStatus.SCHEDULING, Phase.WAITING, PATIENCE_S) == Repairs()
    assert decide(JobStatus.SCHEDULING, Phase.WAITING, PATIENCE_S + 0.1) == Repairs(launch=[RUN])


def test_a_start_that_the_platform_has_not_heard_of_is_reported_again() -> None:
    assert decide(JobStatus.SCHEDULING, Phase.STARTED) == Repairs(report=[RUN])


def test_a_run_in_step_is_left_alone() -> None:
    assert decide(JobStatus.RUNNING, Phase.STARTED) == Repairs()


def test_what_nobody_wants_any_more_is_stopped_and_then_forgotten() -> None:
    assert decide(None, Phase.STARTED) == Repairs(stop=[RUN])
    assert decide(None, Phase.WAITING) == Repairs(stop=[RUN])
    assert decide(None, Phase.ENDED) == Repairs(forget=[RUN])


@pytest.mark.parametrize("phase", list(Phase))
def test_a_run_that_came_while_the_jobs_were_asked_for_is_not_unwanted(phase: Phase) -> None:
    assert decide(None, phase, settled=False) == Repairs()


def test_a_run_that_left_while_the_jobs_were_asked_for_is_passed_over() -> None:
    assert repairs([], {}, [RUN]) == Repairs()


def test_an_earlier_attempt_gives_way_to_the_current_one() -> None:
    local = {RUN: Local(ID, 1, Phase.STARTED, 0)}
    todo = repairs([view_of(attempt=2)], local, local)
    assert todo == Repairs(launch=[f"{ID}.2"], stop=[RUN])
