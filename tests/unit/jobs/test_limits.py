"""When a run's time is over, and when its owner is warned of it."""

from datetime import timedelta

import pytest

from services.jobs.domain import limits
from services.jobs.domain.machine import decide
from services.jobs.domain.signals import Expired, Expiring, Kill, Pause, Place, Preempt, Resume
from shared.contracts.job import JobStatus
from tests.support.documents import ADA, ALLOCATION, NOW, WHY, after, exited, in_status, lost, queued, started


@pytest.mark.parametrize(
    ("limit", "warning"), [(1, 0.5), (4, 2), (10, 5), (30, 5), (100, 10), (3000, 300), (86_400, 300), (10**8, 300)]
)
def test_the_warning_comes_a_tenth_before_the_end_between_five_seconds_and_five_minutes(
    limit: int, warning: float
) -> None:
    assert limits.warning_s(limit) == warning
    assert limits.warns_at(NOW, limit) == NOW + timedelta(seconds=limit - warning)
    assert limits.ends_at(NOW, limit) == NOW + timedelta(seconds=limit)


def test_without_a_limit_nothing_is_ever_due() -> None:
    assert limits.warns_at(NOW, None) is None
    assert limits.ends_at(NOW, None) is None
    assert in_status(JobStatus.RUNNING).state.due_at is None


def test_first_the_warning_is_due_then_the_end_and_the_warning_is_given_once() -> None:
    running = in_status(JobStatus.RUNNING, max_duration_s=100)
    assert running.state.due_at == NOW + timedelta(seconds=90)
    warned = after(running, Expiring())
    assert warned.status is JobStatus.RUNNING
    assert warned.state.due_at == NOW + timedelta(seconds=100)
    assert warned.state.reason is not None
    assert warned.state.reason.details["ends_at"] == "2026-01-02T03:05:45.000Z"
    assert decide(warned, Expiring(), ADA, None, NOW) is warned


@pytest.mark.parametrize("signal", [Expired(), Pause(), Preempt(WHY), Kill(), exited(0), exited(3), lost()])
@pytest.mark.parametrize("warned", [False, True])
def test_nothing_is_due_any_more_once_the_job_leaves_running(signal: object, warned: bool) -> None:
    running = in_status(JobStatus.RUNNING, max_duration_s=100, retries=1)
    left = after(after(running, Expiring()) if warned else running, signal)  # type: ignore[arg-type]  # some of many
    assert left.status is not JobStatus.RUNNING
    assert left.state.due_at is None


def test_each_run_has_the_whole_time_again() -> None:
    paused = in_status(JobStatus.PAUSED, max_duration_s=100)
    later = NOW + timedelta(hours=5)
    again = after(paused, Resume(), Place(ALLOCATION), started(2).model_copy(update={"started_at": later}))
    assert again.state.due_at == later + timedelta(seconds=90)


def test_a_start_and_an_end_that_are_seen_together_leave_nothing_due() -> None:
    done = after(queued(max_duration_s=100), Place(ALLOCATION), exited(0))
    assert (done.status, done.state.due_at) == (JobStatus.FINISHED, None)
