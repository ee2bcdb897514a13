"""Every pair of the transition table, in it or not, against the design's own list."""

from typing import Any

import pytest

from services.jobs.domain.document import JobDocument, events_after, job_of
from services.jobs.domain.machine import IGNORED, REPEATED, ROWS, TABLE, InvalidTransition, decide
from services.jobs.domain.signals import (
    SIGNALS,
    DependencyFailed,
    Expired,
    Expiring,
    Kill,
    Pause,
    Place,
    Preempt,
    Resume,
    SetPriority,
    Signal,
)
from shared.contracts.events import RunEvent, RunExited, RunLost, RunRefused, RunStarted, RunStopped
from shared.contracts.job import HOLDING, TERMINAL, JobStatus, Reason
from tests.support.documents import (
    ADA,
    ALLOCATION,
    JOB_ID,
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

S = JobStatus

SAMPLES: dict[type[Signal], list[Signal]] = {
    Place: [Place(ALLOCATION)],
    Preempt: [Preempt(WHY)],
    Pause: [Pause()],
    Resume: [Resume()],
    Kill: [Kill()],
    DependencyFailed: [DependencyFailed(WHY)],
    Expiring: [Expiring()],
    Expired: [Expired()],
    SetPriority: [SetPriority(7)],
    RunStarted: [started()],
    RunExited: [exited(0), exited(3)],
    RunStopped: [stopped()],
    RunLost: [lost()],
    RunRefused: [refused(True), refused(False)],
}
STATUSES: list[tuple[JobStatus, JobStatus | None]] = [
    (S.QUEUED, None),
    (S.SCHEDULING, None),
    (S.RUNNING, None),
    (S.PAUSING, S.PAUSED),
    (S.PAUSING, S.QUEUED),
    (S.PAUSED, None),
    (S.KILLING, S.KILLED),
    (S.KILLING, S.FAILED),
    (S.KILLED, None),
    (S.FINISHED, None),
    (S.FAILED, None),
    (S.ERROR, None),
]

# (from, then, signal sample) -> (to, then, events): the design's table, written out a second time by hand.
EXPECTED: list[tuple[JobStatus, JobStatus | None, Signal, JobStatus, JobStatus | None, list[str]]] = [
    (S.QUEUED, None, Place(ALLOCATION), S.SCHEDULING, None, ["scheduled"]),
    (S.SCHEDULING, None, started(), S.RUNNING, None, ["started"]),
    (S.SCHEDULING, None, refused(True), S.QUEUED, None, ["returned"]),
    (S.SCHEDULING, None, refused(False), S.ERROR, None, ["errored"]),
    (S.SCHEDULING, None, exited(0), S.FINISHED, None, ["started", "finished"]),
    (S.SCHEDULING, None, exited(3), S.FAILED, None, ["started", "failed"]),
    (S.SCHEDULING, None, stopped(), S.QUEUED, None, ["started", "retried"]),
    (S.QUEUED, None, Pause(), S.PAUSED, None, ["paused"]),
    (S.SCHEDULING, None, Pause(), S.PAUSING, S.PAUSED, ["pausing"]),
    (S.RUNNING, None, Pause(), S.PAUSING, S.PAUSED, ["pausing"]),
    (S.SCHEDULING, None, Preempt(WHY), S.PAUSING, S.QUEUED, ["pausing"]),
    (S.RUNNING, None, Preempt(WHY), S.PAUSING, S.QUEUED, ["pausing"]),
    (S.PAUSING, S.QUEUED, Pause(), S.PAUSING, S.PAUSED, ["pausing"]),
    (S.PAUSING, S.PAUSED, stopped(), S.PAUSED, None, ["paused"]),
    (S.PAUSING, S.PAUSED, lost(), S.PAUSED, None, ["paused"]),
    (S.PAUSING, S.PAUSED, refused(True), S.PAUSED, None, ["paused"]),
    (S.PAUSING, S.PAUSED, refused(False), S.PAUSED, None, ["paused"]),
    (S.PAUSING, S.QUEUED, stopped(), S.QUEUED, None, ["preempted"]),
    (S.PAUSING, S.QUEUED, lost(), S.QUEUED, None, ["preempted"]),
    (S.PAUSING, S.QUEUED, refused(True), S.QUEUED, None, ["preempted"]),
    (S.PAUSING, S.QUEUED, refused(False), S.QUEUED, None, ["preempted"]),
    (S.PAUSING, S.PAUSED, exited(0), S.FINISHED, None, ["finished"]),
    (S.PAUSING, S.PAUSED, exited(3), S.FAILED, None, ["failed"]),
    (S.PAUSING, S.QUEUED, exited(0), S.FINISHED, None, ["finished"]),
    (S.PAUSING, S.QUEUED, exited(3), S.FAILED, None, ["failed"]),
    (S.PAUSED, None, Resume(), S.QUEUED, None, ["resumed"]),
    (S.QUEUED, None, Kill(), S.KILLED, None, ["killed"]),
    (S.PAUSED, None, Kill(), S.KILLED, None, ["killed"]),
    (S.QUEUED, None, DependencyFailed(WHY), S.KILLED, None, ["killed"]),
    (S.PAUSED, None, DependencyFailed(WHY), S.KILLED, None, ["killed"]),
    (S.SCHEDULING, None, Kill(), S.KILLING, S.KILLED, ["killing"]),
    (S.RUNNING, None, Kill(), S.KILLING, S.KILLED, ["killing"]),
    (S.PAUSING, S.PAUSED, Kill(), S.KILLING, S.KILLED, ["killing"]),
    (S.PAUSING, S.QUEUED, Kill(), S.KILLING, S.KILLED, ["killing"]),
    (S.RUNNING, None, Expiring(), S.RUNNING, None, ["expiring"]),
    (S.RUNNING, None, Expired(), S.KILLING, S.FAILED, ["killing"]),
    (S.RUNNING, None, exited(0), S.FINISHED, None, ["finished"]),
    (S.RUNNING, None, exited(3), S.FAILED, None, ["failed"]),
    (S.RUNNING, None, stopped(), S.QUEUED, None, ["retried"]),
    (S.RUNNING, None, lost(), S.QUEUED, None, ["retried"]),
    (S.SCHEDULING, None, lost(), S.QUEUED, None, ["retried"]),
    *(
        (S.KILLING, then, signal, then, None, ["killed" if then is S.KILLED else "failed"])
        for then in (S.KILLED, S.FAILED)
        for signal in (stopped(), exited(0), exited(3), lost(), refused(True), refused(False))
    ),
    (S.QUEUED, None, SetPriority(7), S.QUEUED, None, ["priority_changed"]),
    (S.SCHEDULING, None, SetPriority(7), S.SCHEDULING, None, ["priority_changed"]),
    (S.PAUSED, None, SetPriority(7), S.PAUSED, None, ["priority_changed"]),
]

ALL = [(status, then, signal) for status, then in STATUSES for kind in SIGNALS for signal in SAMPLES[kind]]


def expected(
    status: JobStatus, then: JobStatus | None, signal: Signal
) -> tuple[JobStatus, JobStatus | None, list[str]] | None:
    for source, source_then, sample, target, target_then, facts in EXPECTED:
        if (source, source_then, sample) == (status, then, signal):
            return target, target_then, facts
    return None


@pytest.mark.parametrize(("status", "then", "signal"), ALL, ids=lambda value: getattr(value, "name", str(value))[:40])
def test_every_pair(status: JobStatus, then: JobStatus | None, signal: Signal) -> None:
    job = in_status(status, then)
    pair = (status, type(signal))
    want = expected(status, then, signal)
    over = isinstance(signal, RunEvent) and status not in HOLDING and status not in TERMINAL
    if want is not None:
        changed = decide(job, signal, ADA, "cause", NOW)
        target, target_then, facts = want
        assert (changed.status, changed.state.then) == (target, target_then)
        assert [entry.fact for entry in changed.history[len(job.history) :]] == facts
        assert changed.version == job.version + len(facts)
        arrows = [(arrow.target, arrow.event.fact) for arrow in TABLE[pair].arrows]
        assert (target, facts[-1]) in arrows
    elif pair in IGNORED or pair in REPEATED or over or (isinstance(signal, Pause) and then is S.PAUSED):
        assert decide(job, signal, ADA, None, NOW) is job
    else:
        with pytest.raises(InvalidTransition, match=job.id):
            decide(job, signal, ADA, None, NOW)


def test_the_table_holds_no_pair_twice_and_none_that_is_ignored() -> None:
    pairs = [(source, signal) for row in ROWS for source in row.sources for signal in row.signals]
    assert len(pairs) == len(set(pairs))
    assert not set(pairs) & IGNORED
    assert not set(pairs) & REPEATED


@pytest.mark.parametrize(("status", "then"), STATUSES)
@pytest.mark.parametrize("signal", [started(9), exited(0, 9), stopped(9), lost(9), refused(True, 9)])
def test_news_of_another_attempt_changes_nothing(status: JobStatus, then: JobStatus | None, signal: RunEvent) -> None:
    job = in_status(status, then)
    assert decide(job, signal, ADA, None, NOW) is job


def test_a_service_that_ends_a_job_is_quoted_until_it_is_killed() -> None:
    why = Reason(code="idle", message="Nobody used it.")
    job = after(queued(), Place(ALLOCATION), started(), Kill(why))
    assert job.state.reason is not None
    assert job.state.reason.message.startswith("Nobody used it. It is being ended;")
    assert after(job, stopped()).state.reason == why
    assert after(queued(), Kill(why)).state.reason == why


def test_each_placement_raises_the_attempt_and_clears_the_last_result() -> None:
    job = after(queued(retries=1), Place(ALLOCATION), started(), exited(3), Place(ALLOCATION))
    assert job.state.attempt == 2
    assert (job.state.exit_code, job.state.started_at, job.state.not_before) == (None, None, None)


def test_a_retry_is_taken_until_none_is_left_and_waits_longer_each_time() -> None:
    job = queued(retries=2)
    waits = []
    for attempt in (1, 2):
        job = after(job, Place(ALLOCATION), started(attempt), exited(3, attempt))
        assert job.status is S.QUEUED and job.state.not_before is not None
        waits.append(job.state.not_before - job.history[-1].time)
    assert waits[1] == 2 * waits[0]
    job = after(job, Place(ALLOCATION), started(3), exited(3, 3))
    assert (job.status, job.state.failures, job.state.exit_code) == (S.FAILED, 3, 3)


def test_a_failure_while_pausing_with_a_retry_left_goes_where_the_pause_leads() -> None:
    paused = after(in_status(S.PAUSING, S.PAUSED, retries=1), exited(3))
    preempted = after(in_status(S.PAUSING, S.QUEUED, retries=1), exited(3))
    assert (paused.status, paused.state.failures) == (S.PAUSED, 1)
    assert (preempted.status, preempted.state.failures) == (S.QUEUED, 1)


def test_a_lost_run_is_repeated_three_times_outside_of_retries() -> None:
    job = queued(retries=5)
    for attempt in (1, 2, 3):
        job = after(job, Place(ALLOCATION), started(attempt), lost(attempt))
        assert (job.status, job.state.failures) == (S.QUEUED, 0)
    job = after(job, Place(ALLOCATION), started(4), lost(4))
    assert job.status is S.ERROR
    assert job.state.reason is not None and "4 times" in job.state.reason.message


def test_a_start_that_no_other_node_would_mend_is_put_off_longer_each_time_and_says_why() -> None:
    job, waits = queued(), []
    for attempt in range(1, 10):
        job = after(job, Place(ALLOCATION), refused(True, attempt, own=True))
        assert job.status is S.QUEUED and job.state.not_before is not None and job.state.reason is not None
        waits.append((job.state.not_before - job.history[-1].time).total_seconds())
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]
    assert job.state.reason is not None and job.state.reason.code == "start_refused"
    assert WHY.message in job.state.reason.message
    assert (job.state.failures, job.state.losses, job.state.refusals) == (0, 0, 9)


@pytest.mark.parametrize("between", [(started(2), lost(2)), (lost(2),), (refused(True, 2),)])
def test_only_refusals_in_a_row_are_counted(between: tuple[Signal, ...]) -> None:
    once = after(queued(), Place(ALLOCATION), refused(True, own=True))
    job = after(once, Place(ALLOCATION), *between, Place(ALLOCATION), refused(True, 3, own=True))
    assert (once.state.refusals, job.state.refusals) == (1, 1)


def test_a_start_that_another_node_may_take_keeps_its_place_in_line() -> None:
    assert after(queued(), Place(ALLOCATION), refused(True)).state.not_before is None


def test_devices_are_held_from_the_placement_to_the_end_of_the_run() -> None:
    for status, then in STATUSES:
        job = in_status(status, then)
        assert (job.state.allocation is not None) == (status in HOLDING)


def test_lines_of_all_attempts_are_counted() -> None:
    job = after(in_status(S.PAUSED), Resume(), Place(ALLOCATION), started(2), exited(0, 2, lines=5))
    assert job.state.log_lines == 15


def test_every_status_but_running_has_a_reason_in_a_sentence() -> None:
    for status, then in STATUSES:
        reason = in_status(status, then).state.reason
        if status is S.RUNNING:
            assert reason is None
        else:
            assert reason is not None and reason.message.endswith(".")


def test_the_one_who_paused_or_killed_is_named_when_it_is_done() -> None:
    assert in_status(S.PAUSED).state.reason == in_status(S.PAUSED).history[-1].state.reason
    for status in (S.PAUSED, S.KILLED):
        reason = in_status(status).state.reason
        assert reason is not None and reason.details["by"] == "ada"


def test_events_have_the_versions_of_the_history_and_carry_the_job_as_it_was() -> None:
    job: JobDocument = in_status(S.FINISHED)
    events = [event for _, event in events_after(job, 0)]
    assert [event.jobversion for event in events] == [1, 2, 3, 4]
    assert [event.data.job.state.status for event in events] == [S.QUEUED, S.SCHEDULING, S.RUNNING, S.FINISHED]
    assert events[1].data.launch.command == "true"
    assert [subject for subject, _ in events_after(job, 3)] == [f"evt.job.finished.v1.default.{job.id}"]


@pytest.mark.parametrize(
    ("paths", "job_path", "checkpoint_path"),
    [
        ({}, f"jobs/{JOB_ID}", f"jobs/{JOB_ID}/checkpoints"),
        ({"job_path": "mine"}, "mine", "mine/checkpoints"),
        ({"checkpoint_path": "saved"}, f"jobs/{JOB_ID}", "saved"),
        ({"job_path": "mine", "checkpoint_path": "saved"}, "mine", "saved"),
    ],
)
def test_a_run_is_told_the_folders_that_its_owner_sees(
    paths: dict[str, Any], job_path: str, checkpoint_path: str
) -> None:
    job = in_status(S.SCHEDULING, **paths)
    launch = events_after(job, 1)[0][1].data.launch
    assert (launch.job_path, launch.checkpoint_path) == (job_path, checkpoint_path)
    assert (job_of(job).job_path, job_of(job).checkpoint_path) == (job_path, checkpoint_path)
