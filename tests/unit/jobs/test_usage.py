"""Whatever ends an attempt says what it used, in the history and in the event that is made of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.jobs.domain.document import JobDocument, events_after
from services.jobs.domain.signals import Expired, Kill, Pause, Place, Preempt, Resume, Signal
from services.jobs.domain.size import event_size
from shared.contracts.events import RunEnded, RunOver
from shared.contracts.job import IDLE, JobStatus
from shared.contracts.metrics import MOST_CORES, MOST_SECONDS, NetworkTotals, RunUsage
from tests.support.documents import (
    ALLOCATION,
    NOW,
    WHY,
    after,
    exited,
    in_status,
    lost,
    queued,
    refused,
    started,
    stopped,
)

GPUS = {"device_type": "v100", "devices": 4}
USED = RunUsage(
    seconds=60.0,
    cpu_seconds=10.75,
    memory_peak_bytes=300_000_000,
    network=NetworkTotals(receive_bytes=20_000_000, transmit_bytes=1, scope="run"),
    device_seconds=240.0,
    reported={"loss": 0.25},
)


def measured(ended: RunEnded, **changes: Any) -> RunEnded:
    """The same end, a minute after NOW, with what its executor measured."""
    return ended.model_copy(update={"usage": USED, "ended_at": NOW + timedelta(minutes=1), **changes})


def last_event(job: JobDocument) -> RunOver:
    event = events_after(job, job.version - 1)[-1][1].data
    assert isinstance(event, RunOver)
    return event


RUNNING = (Place(ALLOCATION), started())
ENDINGS: dict[str, tuple[dict[str, Any], tuple[Signal, ...], Any]] = {
    "finished": ({}, RUNNING, exited(0)),
    "finished before its start was seen": ({}, (Place(ALLOCATION),), exited(0)),
    "failed": ({}, RUNNING, exited(1)),
    "retried": ({"retries": 1}, RUNNING, exited(1)),
    "stopped from outside": ({}, RUNNING, stopped()),
    "paused": ({}, (*RUNNING, Pause()), stopped()),
    "failed while pausing": ({"retries": 1}, (*RUNNING, Pause()), exited(1)),
    "preempted": ({}, (*RUNNING, Preempt(WHY)), stopped()),
    "killed": ({}, (*RUNNING, Kill()), stopped()),
    "expired": ({"max_duration_s": 60}, (*RUNNING, Expired()), stopped()),
}


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_event_that_ends_an_attempt_says_what_it_used(ending: str) -> None:
    request, before, end = ENDINGS[ending]
    job = after(queued(**(GPUS | request)), *before, measured(end))
    assert last_event(job).usage == USED
    assert JobDocument.model_validate_json(job.model_dump_json()) == job


@pytest.mark.parametrize(
    ("before", "fact"), [((), "retried"), ((Pause(),), "paused"), ((Preempt(WHY),), "preempted"), ((Kill(),), "killed")]
)
def test_of_a_run_that_was_lost_only_how_long_it_held_its_devices_is_known(
    before: tuple[Signal, ...], fact: str
) -> None:
    job = after(queued(**GPUS), *RUNNING, *before, lost())
    seconds = float(3 + len(before))  # `after` tells its signals a second apart
    assert job.history[-1].fact == fact
    assert last_event(job).usage == RunUsage(seconds=seconds, device_seconds=4 * seconds)


@pytest.mark.parametrize("sampled", [1.0, 3.0, 90.0], ids=["long before", "to the end", "by a clock ahead"])
def test_a_lost_run_held_its_devices_until_its_loss_and_was_measured_until_its_last_sample(sampled: float) -> None:
    usage = RunUsage(
        seconds=sampled,
        cpu_seconds=0.5,
        device_seconds=4 * sampled,
        device_measured_seconds=4 * sampled,
        device_idle_seconds=2.0,
    )
    job = after(queued(**GPUS), *RUNNING, lost().model_copy(update={"usage": usage}))
    held = {"seconds": 3.0, "device_seconds": 12.0, "device_measured_seconds": 4 * min(sampled, 3.0)}
    assert last_event(job).usage == usage.model_copy(update=held)


def test_an_executor_that_measures_nothing_leaves_the_time_that_the_run_took() -> None:
    job = after(queued(**GPUS), *RUNNING, measured(exited(0), usage=None))
    assert last_event(job).usage == RunUsage(seconds=60.0, device_seconds=240.0)


@pytest.mark.parametrize(
    ("said", "believed"),
    [
        ({"seconds": 1e-5}, {}),
        ({"seconds": 1e12, "device_seconds": 1e12}, {}),
        ({"device_seconds": 0.0}, {}),
        ({"cpu_seconds": 60.0 * MOST_CORES}, {"cpu_seconds": 60.0 * MOST_CORES}),
        ({"cpu_seconds": 60.0 * MOST_CORES + 1}, {"cpu_seconds": None}),
        ({"seconds": 1e-5, "cpu_seconds": 1e12}, {"cpu_seconds": None}),
        (
            {"device_measured_seconds": 1e12, "device_idle_seconds": 1e12},
            {"device_measured_seconds": 240.0, "device_idle_seconds": 240.0},
        ),
        (
            {"device_measured_seconds": 10.0, "device_idle_seconds": 20.0},
            {"device_measured_seconds": 10.0, "device_idle_seconds": 10.0},
        ),
    ],
    ids=str,
)
def test_time_and_devices_are_the_job_s_own_and_what_no_run_can_use_is_unknown(
    said: dict[str, Any], believed: dict[str, Any]
) -> None:
    job = after(queued(**GPUS), *RUNNING, measured(exited(0), usage=USED.model_copy(update=said)))
    assert last_event(job).usage == USED.model_copy(update=believed)


def test_a_clock_that_was_wrong_by_ages_costs_no_end() -> None:
    end = datetime(9999, 12, 31, tzinfo=UTC)
    job = after(queued(**GPUS), *RUNNING, measured(exited(0), ended_at=end))
    usage = last_event(job).usage
    assert usage is not None
    assert (usage.seconds, usage.device_seconds) == ((end - NOW).total_seconds(), MOST_SECONDS)


@pytest.mark.parametrize(
    "signals",
    [
        (Kill(),),
        (Pause(),),
        (Place(ALLOCATION), refused(busy=False)),
        (Place(ALLOCATION), lost()),
        (Place(ALLOCATION), Kill(), refused(busy=True)),
        (Place(ALLOCATION), Kill(), stopped().model_copy(update={"started_at": None})),
        (*RUNNING, Preempt(WHY), stopped(), Kill()),
        (*RUNNING, Pause(), stopped(), Resume(), Pause()),
    ],
)
def test_a_change_that_ends_no_attempt_says_nothing_of_what_was_used(signals: tuple[Signal, ...]) -> None:
    event = last_event(after(queued(), *signals))
    assert (event.usage, event.lost_since) == (None, None)


@pytest.mark.parametrize(
    ("checkpoint", "since"), [(None, 0), (45, 45), (-600, 0), (999, 60)], ids=["none", "written", "of before", "ahead"]
)
@pytest.mark.parametrize("ending", ["failed", "retried", "stopped from outside", "failed while pausing", "expired"])
def test_a_failure_undoes_what_came_after_the_last_checkpoint_or_the_start(
    ending: str, checkpoint: int | None, since: int
) -> None:
    request, before, end = ENDINGS[ending]
    written_at = None if checkpoint is None else NOW + timedelta(seconds=checkpoint)
    job = after(queued(**request), *before, measured(end, checkpoint_at=written_at))
    assert last_event(job).lost_since == NOW + timedelta(seconds=since)


def test_a_lost_run_undoes_all_of_its_work_since_nobody_says_when_its_last_checkpoint_was_written() -> None:
    assert last_event(after(queued(), *RUNNING, lost())).lost_since == NOW


@pytest.mark.parametrize("ending", ["finished", "paused", "preempted", "killed"])
def test_an_end_that_is_no_failure_undoes_nothing_by_failure(ending: str) -> None:
    request, before, end = ENDINGS[ending]
    assert last_event(after(queued(**request), *before, measured(end))).lost_since is None


def test_a_session_that_reached_its_time_limit_had_no_work_to_lose() -> None:
    job = in_status(JobStatus.KILLING, JobStatus.FAILED, command=IDLE, endpoints=("ssh",), max_duration_s=60, **GPUS)
    event = last_event(after(job, measured(stopped())))
    assert event.usage == USED
    assert event.lost_since is None


def test_the_largest_report_of_an_attempt_is_never_estimated_below_what_is_written() -> None:
    most = 2**53
    usage = RunUsage(
        seconds=1234567.890123,
        cpu_seconds=1234567.890123,
        memory_peak_bytes=most,
        memory_mean_bytes=most + 0.125,
        network=NetworkTotals(receive_bytes=most, transmit_bytes=most, scope="host"),
        block_read_bytes=most,
        block_write_bytes=most,
        device_seconds=1234567.890123,
        device_measured_seconds=1234567.890123,
        device_idle_seconds=1234567.890123,
        device_utilization_mean=0.12345678901234568,
        device_memory_peak_bytes=most,
        reported={f"n{number:063}": 0.12345678901234568 for number in range(100)},
        dropped=most,
    )
    for told in (usage, RunUsage(seconds=1.0)):
        job = after(queued(), *RUNNING, measured(exited(1), usage=told))
        event = events_after(job, job.version - 1)[-1][1]
        assert event_size(job, job.history[-1]) >= len(event.model_dump_json().encode())
