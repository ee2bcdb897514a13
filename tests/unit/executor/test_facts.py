"""What is said of a run: the right event for what was seen, under an id that the same fact always has."""

from datetime import UTC, datetime, timedelta

import pytest

from services.executor.domain.facts import moment, result_event, started_event
from services.executor.domain.observation import Cancelled, Ended, Lost, Refused, Started, Waiting
from services.executor.domain.record import RunRecord
from shared.contracts.events import RunExited, RunLost, RunRefused, RunStopped, run_envelope
from shared.contracts.job import Reason
from shared.contracts.metrics import RunUsage
from tests.support.executor import ID, NODE, record_of

SECOND = 1_000_000_000
WHY = Reason(code="supervisor_gone", message="Gone.")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def ended(stopped: bool, forced: bool = False) -> Ended:
    return Ended(2 * SECOND, 5 * SECOND, 137, "SIGKILL", stopped, forced, 100)


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


def test_a_start_is_told_with_its_moment_and_pid() -> None:
    event = started_event(record_of(attempt=3, id=f"{ID}.3"), Started(2_500_000_000, 17))
    assert (event.run_id, event.node, event.vc) == (f"{ID}.3", NODE, "default")
    assert (event.started_at, event.pid) == (at(2.5), 17)


def test_what_ended_by_itself_has_exited() -> None:
    event = result_event(record_of(), ended(stopped=False), 42)
    assert isinstance(event, RunExited)
    assert (event.started_at, event.ended_at, event.log_lines) == (at(2), at(5), 42)
    assert (event.exit_code, event.signal) == (137, "SIGKILL")


@pytest.mark.parametrize("forced", [True, False])
def test_what_was_told_to_end_has_stopped_and_says_whether_it_was_forced(forced: bool) -> None:
    event = result_event(record_of(), ended(stopped=True, forced=forced), 42)
    assert isinstance(event, RunStopped)
    assert (event.forced, event.exit_code, event.log_lines, event.started_at) == (forced, 137, 42, at(2))


def test_what_was_stopped_before_its_start_has_no_start() -> None:
    event = result_event(record_of(), Cancelled(7 * SECOND), 0)
    assert isinstance(event, RunStopped)
    assert (event.started_at, event.exit_code, event.ended_at) == (None, None, at(7))


def test_what_is_lost_says_why_and_how_many_lines_it_wrote() -> None:
    event = result_event(record_of(), Lost(WHY), 9)
    assert isinstance(event, RunLost)
    assert (event.reason, event.log_lines) == (WHY, 9)


@pytest.mark.parametrize("busy", [True, False])
def test_a_refusal_is_told_from_the_record(busy: bool) -> None:
    event = result_event(record_of(kind="refused", busy=busy, reason=WHY), Waiting(), 0)
    assert isinstance(event, RunRefused)
    assert (event.busy, event.reason) == (busy, WHY)


@pytest.mark.parametrize("own", [True, False])
def test_a_refusal_says_whether_another_node_might_mend_it(own: bool) -> None:
    by_record = result_event(record_of(kind="refused", busy=True, own=own, reason=WHY), Waiting(), 0)
    by_backend = result_event(record_of(), Refused(WHY, busy=True, own=own), 0)
    for event in (by_record, by_backend):
        assert isinstance(event, RunRefused)
        assert (event.busy, event.own) == (True, own)


@pytest.mark.parametrize("seen", [ended(stopped=False), ended(stopped=True), Lost(WHY)])
def test_what_a_run_has_used_is_told_with_its_end_however_that_was(seen: Ended | Lost) -> None:
    usage = RunUsage(seconds=3, cpu_seconds=2.5)
    event = result_event(record_of(), seen, 0, usage=usage)
    assert isinstance(event, RunExited | RunStopped | RunLost)
    assert event.usage == usage


def test_a_run_that_lives_has_no_result() -> None:
    assert result_event(record_of(), Waiting(), 0) is None
    assert result_event(record_of(), Started(1), 0) is None


def test_the_same_fact_of_the_same_run_has_the_same_id_whenever_it_is_told() -> None:
    def told(record: RunRecord, seconds: int) -> str:
        event = result_event(record, Lost(WHY), seconds)
        assert event is not None
        message = run_envelope(event, "/executor/node-1", at(seconds), "c")
        assert (message.type, message.source) == ("io.jobyard.run.lost.v1", f"/executor/{NODE}")
        assert (message.subject, message.correlationid, message.time) == (ID, "c", at(seconds))
        return message.id

    assert told(record_of(), 1) == told(record_of(), 2) == f"{ID}.1:lost"
    assert told(record_of(attempt=2), 1) == f"{ID}.2:lost"


def test_a_moment_is_cut_to_milliseconds_and_never_rounded_up() -> None:
    assert moment(1_999_999_999) == at(1.999)
    assert moment(1_795_475_570_123_999_999).microsecond == 123_000
