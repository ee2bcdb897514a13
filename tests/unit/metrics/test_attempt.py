"""What the events of the jobs service tell of an attempt that is over, as they travel."""

from datetime import timedelta
from typing import Any

import pytest

from services.jobs.domain.document import JobDocument, events_after
from services.jobs.domain.signals import Kill, Pause, Place, Preempt, Signal
from services.metrics.domain.attempt import Attempt
from services.metrics.domain.days import charges
from services.metrics.ended import ENDS, ended
from shared.contracts.errors import PermanentError
from shared.contracts.events import JOB_EVENTS, RunOver
from shared.contracts.metrics import RunUsage
from tests.support.documents import ALLOCATION, JOB_ID, NOW, WHY, after, exited, lost, queued, started, stopped

RUNNING: tuple[Signal, ...] = (Place(ALLOCATION), started())
END = NOW + timedelta(hours=1)
SAVED = NOW + timedelta(minutes=45)
USED = RunUsage(seconds=3600.0, cpu_seconds=60.0, device_seconds=7200.0)


def over(run: Any, **changes: Any) -> Any:
    """The same end an hour after the start, with a checkpoint in between and what was measured."""
    return run.model_copy(update={"ended_at": END, "checkpoint_at": SAVED, "usage": USED, **changes})


def told(job: JobDocument) -> Attempt | None:
    """What the last event of the job tells."""
    subject, event = events_after(job, job.version - 1)[-1]
    return ended(subject, event.model_dump_json().encode())


def gpu_job(*signals: Signal, **request: Any) -> JobDocument:
    return after(queued(device_type="v100", devices=2, cpus=4, **request), *signals)


def test_an_attempt_is_what_its_job_held_from_its_start_for_as_long_as_it_ran() -> None:
    attempt = told(gpu_job(*RUNNING, over(exited(0))))
    assert attempt == Attempt(
        job_id=JOB_ID,
        number=1,
        vc="default",
        owner="ada",
        device_type="v100",
        devices=2,
        cpus=4.0,
        started_at=NOW,
        ended_at=END,
        usage=USED,
    )
    assert (attempt.held, attempt.device_seconds) == (2.0, 7200.0)


@pytest.mark.parametrize(
    ("signals", "request_", "preempted", "failed"),
    [
        ((Preempt(WHY), over(stopped())), {}, SAVED, None),
        ((over(exited(1)),), {}, None, SAVED),
        ((over(exited(1)),), {"retries": 1}, None, SAVED),
        ((Pause(), over(exited(1))), {"retries": 1}, None, SAVED),
        ((over(stopped()),), {}, None, SAVED),
        ((Pause(), over(stopped())), {}, None, None),
        ((Kill(), over(stopped())), {}, None, None),
        ((over(exited(0)),), {}, None, None),
    ],
    ids=["preempted", "failed", "retried", "failed while pausing", "from outside", "paused", "killed", "finished"],
)
def test_work_is_undone_since_the_last_checkpoint_by_a_preemption_or_a_failure(
    signals: tuple[Signal, ...], request_: dict[str, Any], preempted: Any, failed: Any
) -> None:
    attempt = told(gpu_job(*RUNNING, *signals, **request_))
    assert attempt is not None
    assert (attempt.preempted_since, attempt.failed_since) == (preempted, failed)
    hours = [(row.lost_to_preemption_hours, row.lost_to_failure_hours) for row in charges(attempt)]
    assert hours == [(0.5 if preempted else 0.0, 0.5 if failed else 0.0)]


def test_a_lost_run_has_held_its_devices_and_lost_all_of_it() -> None:
    attempt = told(gpu_job(*RUNNING, lost()))
    assert attempt is not None
    (row,) = charges(attempt)
    hours = (row.device_hours, row.unknown_hours, row.lost_to_failure_hours)
    assert hours == pytest.approx((2 * 3 / 3600,) * 3)  # `after` tells the loss 3 s after NOW


@pytest.mark.parametrize("signals", [(Kill(),), (Pause(),), (*RUNNING, Preempt(WHY), over(stopped()), Kill())])
def test_a_change_that_ended_no_attempt_tells_of_none(signals: tuple[Signal, ...]) -> None:
    assert told(gpu_job(*signals)) is None


@pytest.mark.parametrize("seconds", [1e12, 1e300])
def test_a_run_of_more_time_than_the_calendar_has_is_refused_for_good(seconds: float) -> None:
    with pytest.raises(PermanentError, match=f"Attempt 1 of job {JOB_ID} is said to have run for"):
        told(gpu_job(*RUNNING, over(exited(0), usage=RunUsage(seconds=seconds))))


def test_every_event_that_may_end_an_attempt_is_heard_and_no_other() -> None:
    facts = {subject.split(".")[2] for subject in ENDS}
    assert facts == {fact for fact, event in JOB_EVENTS.items() if issubclass(event, RunOver)}
    assert facts == {"paused", "preempted", "retried", "finished", "failed", "errored", "killed"}
