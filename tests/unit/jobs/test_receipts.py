"""What a pause or a preemption has cost, and who is named for it."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from services.jobs.domain.document import JobDocument, events_after
from services.jobs.domain.machine import decide
from services.jobs.domain.signals import Checkpoint, Pause, Place, Preempt, Resume, Signal
from shared.contracts.events import Receipt, RunStopped
from shared.contracts.job import Actor, JobStatus, Reason
from tests.support.documents import ALLOCATION, NOW, after, exited, in_status, lost, queued, refused, started, stopped

RULE = Reason(code="higher_priority", message="Job b needs its place.", details={"for": "b", "node": "n"})
GPUS = {"device_type": "v100", "devices": 4}


def stopped_after(minutes: float, checkpoint: float | None = None, **changes: Any) -> RunStopped:
    """A run that began at NOW and ended so much later; its last checkpoint at this minute."""
    at = NOW + timedelta(minutes=checkpoint) if checkpoint is not None else None
    ended_at = NOW + timedelta(minutes=minutes)
    return stopped().model_copy(update={"ended_at": ended_at, "checkpoint_at": at, **changes})


def receipt_of(job: JobDocument) -> Receipt:
    """Of the job's last event, as it is published."""
    receipt = events_after(job, job.version - 1)[-1][1].data.receipt
    assert isinstance(receipt, Receipt)
    return receipt


def paused(ended: Signal, *, checkpoint: Checkpoint | None = None, **request: Any) -> Receipt:
    job = after(in_status(JobStatus.RUNNING, **request), Pause(checkpoint), ended)
    assert job.history[-1].fact == "paused"
    return receipt_of(job)


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.RUNNING])
def test_a_receipt_names_the_person_and_not_where_the_request_came_from(status: JobStatus) -> None:
    by = Actor(kind="user", name="ada", address="203.0.113.7", token="nightly")
    job = decide(in_status(status), Pause(), by, None, NOW)
    if status is JobStatus.RUNNING:
        job = after(job, stopped_after(1))
    assert receipt_of(job).by == Actor(kind="user", name="ada")


@pytest.mark.parametrize(
    ("request_", "held", "unit"),
    [(GPUS, 4, "device"), ({"cpus": 2.5}, 2.5, "cpu"), ({"cpus": 8, **GPUS}, 4, "device")],
)
def test_devices_count_and_cpus_where_there_are_none(request_: dict[str, Any], held: float, unit: str) -> None:
    receipt = paused(stopped_after(10), **request_)
    assert (receipt.held, receipt.unit, receipt.minutes_lost) == (held, unit, held * 10)


@pytest.mark.parametrize(
    ("checkpoint", "lost_minutes", "since"),
    [
        (None, 10, 0),  # none was written: everything since the start
        (7, 3, 7),
        (10, 0, 10),  # written on SIGTERM
        (-60, 10, 0),  # of the attempt before: this run has added nothing to it
        (11, 0, 10),  # by a clock that runs ahead
    ],
)
def test_lost_is_what_came_after_the_last_checkpoint_or_the_start(
    checkpoint: float | None, lost_minutes: float, since: float
) -> None:
    receipt = paused(stopped_after(10, checkpoint), cpus=1)
    assert receipt.minutes_lost == lost_minutes
    assert receipt.lost_since == NOW + timedelta(minutes=since)
    assert receipt.stopped_at == NOW + timedelta(minutes=10)


def test_a_pause_names_the_person_and_a_preemption_the_scheduler_s_rule_and_reason() -> None:
    by_person = paused(stopped_after(1))
    assert (by_person.by.name, by_person.rule, by_person.why) == ("ada", "pause_command", "ada asked it to pause.")
    preempted = after(in_status(JobStatus.RUNNING), Preempt(RULE), stopped_after(1))
    assert preempted.history[-1].fact == "preempted"
    receipt = receipt_of(preempted)
    assert (receipt.rule, receipt.why) == ("higher_priority", "Job b needs its place.")


def test_a_pause_that_overtakes_a_preemption_is_the_one_that_counts() -> None:
    job = after(in_status(JobStatus.RUNNING), Preempt(RULE), Pause(), stopped_after(1))
    assert (job.status, receipt_of(job).rule) == (JobStatus.PAUSED, "pause_command")


def test_what_was_known_when_it_was_asked_for_counts_where_the_run_s_end_says_nothing() -> None:
    at = NOW + timedelta(seconds=1)
    receipt = paused(lost(), checkpoint=Checkpoint(at), **GPUS)
    assert receipt.checkpoint_at == at
    assert receipt.minutes_lost == pytest.approx(4 / 60, abs=0.001)


def test_what_never_ran_has_lost_nothing() -> None:
    never = stopped_after(5).model_copy(update={"started_at": None})
    for ended in (never, refused(busy=True)):
        job = after(in_status(JobStatus.SCHEDULING), Pause(), ended)
        assert (receipt_of(job).minutes_lost, receipt_of(job).stopped_at) == (0, None)
    waiting = receipt_of(after(queued(), Pause()))
    assert (waiting.minutes_lost, waiting.by.name) == (0, "ada")


def test_a_run_that_fails_while_it_is_pausing_leaves_its_receipt_too() -> None:
    failed = exited(3).model_copy(update={"ended_at": NOW + timedelta(minutes=2)})
    assert paused(failed, retries=1, cpus=1).minutes_lost == 2


@pytest.mark.parametrize(
    ("checkpoint", "said", "details"),
    [
        (None, "it has 30 s to write a checkpoint.", {}),
        (Checkpoint(None), "It has written no checkpoint yet.", {"checkpoint_at": None}),
        (
            Checkpoint(datetime.fromisoformat("2026-01-02T03:04:00.000Z")),
            "Its last one was written at 2026-01-02 03:04:00 UTC.",
            {"checkpoint_at": "2026-01-02T03:04:00.000Z"},
        ),
    ],
)
def test_pausing_says_when_the_last_checkpoint_was_written_as_far_as_that_is_known(
    checkpoint: Checkpoint | None, said: str, details: dict[str, Any]
) -> None:
    for signal in (Pause(checkpoint), Preempt(RULE, checkpoint)):
        reason = after(in_status(JobStatus.RUNNING), signal).state.reason
        assert reason is not None
        assert reason.message.endswith(said) or (checkpoint is None and isinstance(signal, Preempt))
        assert reason.details["grace_period_s"] == 30
        assert {name: value for name, value in reason.details.items() if name == "checkpoint_at"} == details


def test_a_preemption_s_reason_keeps_what_the_scheduler_reads_in_it() -> None:
    reason = after(in_status(JobStatus.RUNNING), Preempt(RULE)).state.reason
    assert reason is not None
    assert (reason.details["for"], reason.details["node"]) == ("b", "n")


def test_each_stop_has_a_receipt_of_its_own() -> None:
    first = after(in_status(JobStatus.RUNNING, cpus=1), Pause(), stopped_after(4))
    again = NOW + timedelta(hours=1)
    start = started(2).model_copy(update={"started_at": again})
    end = stopped(2).model_copy(update={"started_at": again, "ended_at": again + timedelta(minutes=9)})
    second = after(first, Resume(), Place(ALLOCATION), start, Pause(), end)
    receipts = [
        event.data.receipt.minutes_lost for _, event in events_after(second, 0) if event.type.endswith("paused.v1")
    ]
    assert receipts == [4, 9]


def test_events_of_receipts_are_the_same_bytes_each_time() -> None:
    job = after(in_status(JobStatus.RUNNING), Pause(), stopped_after(1, 0.5))
    again = JobDocument.model_validate_json(job.model_dump_json())
    published = [[event.model_dump_json() for _, event in events_after(one, 0)] for one in (job, again)]
    assert published[0] == published[1]
