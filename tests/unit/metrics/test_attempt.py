"""What the events of the jobs service tell of an attempt that is over, as they travel."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.jobs.domain.document import JobDocument, events_after
from services.jobs.domain.signals import Kill, Pause, Place, Preempt, Signal
from services.metrics.domain.attempt import Attempt
from services.metrics.domain.days import charges
from services.metrics.domain.totals import Totals, folded, usage_of
from services.metrics.ended import ENDS, ended
from shared.contracts.errors import PermanentError
from shared.contracts.events import JOB_EVENTS, RunOver
from shared.contracts.metrics import MOST, MOST_SECONDS, REPORTED_NAMES, JobUsage, NetworkTotals, RunUsage
from tests.support.documents import ALLOCATION, JOB_ID, NOW, WHY, after, exited, lost, queued, started, stopped
from tests.support.metrics_service import sample_at

RUNNING: tuple[Signal, ...] = (Place(ALLOCATION), started())
END = NOW + timedelta(hours=1)
SAVED = NOW + timedelta(minutes=45)
LIVING = sample_at(
    5,
    job_id=JOB_ID,
    attempt=200,
    cpu_seconds=MOST_SECONDS,
    memory_bytes=MOST,
    block_read_bytes=MOST,
    dropped=MOST,
    reported={f"n{number}": 1.0 for number in range(REPORTED_NAMES)},
)
OTHERS = {f"m{number}": 1.0 for number in range(REPORTED_NAMES)}
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


def retold(**usage: Any) -> Attempt | None:
    """What an event tells that says this of a run's use, whoever wrote it."""
    subject, event = events_after(job := gpu_job(*RUNNING, over(exited(0))), job.version - 1)[-1]
    told = json.loads(event.model_dump_json())
    told["data"]["usage"] = usage
    return ended(subject, json.dumps(told).encode())


def test_a_run_of_more_time_than_the_calendar_has_is_refused_for_good() -> None:
    with pytest.raises(PermanentError, match=f"Attempt 1 of job {JOB_ID} is said to have run for"):
        retold(seconds=1e12)


@pytest.mark.parametrize("seconds", [0.0, 5e-324, 1e-5, 1.0])
def test_a_run_that_claims_more_processor_time_than_there_is_counts_all_the_same(seconds: float) -> None:
    attempt = retold(seconds=seconds, cpu_seconds=1e12)
    assert attempt is not None
    usage = usage_of(JOB_ID, folded(Totals(), attempt))
    assert (usage.runs, usage.seconds, usage.cpu_seconds, usage.cpu_mean) == (1, seconds, None, None)
    (row,) = charges(attempt)
    assert (row.runs, row.cpu_hours) == (1, 0.0)


def test_sums_stop_at_what_a_message_has_room_for() -> None:
    network = {"receive_bytes": MOST, "transmit_bytes": MOST, "scope": "run"}
    attempt = retold(seconds=1e10, cpu_seconds=1e12, network=network, block_read_bytes=MOST, dropped=MOST)
    assert attempt is not None
    totals = Totals()
    for number in range(1, 103):
        totals = folded(totals, replace(attempt, number=number))
    usage = JobUsage.model_validate_json(usage_of(JOB_ID, totals).model_dump_json())
    assert (usage.seconds, usage.cpu_seconds) == (MOST_SECONDS, MOST_SECONDS)
    assert (usage.block_read_bytes, usage.dropped) == (MOST, MOST)
    assert usage.network == NetworkTotals(receive_bytes=MOST, transmit_bytes=MOST, scope="run")
    living = (LIVING, LIVING.model_copy(update={"rank": 1, "reported": OTHERS}))
    assert JobUsage.model_validate_json(usage_of(JOB_ID, totals, living).model_dump_json()).live


def test_every_event_that_may_end_an_attempt_is_heard_and_no_other() -> None:
    facts = {subject.split(".")[2] for subject in ENDS}
    assert facts == {fact for fact, event in JOB_EVENTS.items() if issubclass(event, RunOver)}
    assert facts == {"paused", "preempted", "retried", "finished", "failed", "errored", "killed"}
