"""The transition table of endpoints, pair by pair."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.endpoints.domain.document import AFTERWARDS, EndpointDocument, RunPlace
from services.endpoints.domain.machine import (
    SIGNALS,
    TABLE,
    Ask,
    Broken,
    Close,
    Entered,
    Idle,
    JobOver,
    Keep,
    Opened,
    RunEnded,
    RunStarted,
    Signal,
    Stopped,
    TicketIssued,
    Unused,
    Used,
    decide,
)
from services.endpoints.domain.publishing import events_after
from services.endpoints.domain.reasons import no_run
from shared.contracts.endpoints import EndpointStatus
from shared.contracts.job import Actor
from tests.support.endpoints import endpoint

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACTOR = Actor(kind="service", name="endpoints")
RUN, NEXT = RunPlace(attempt=1, executor="local"), RunPlace(attempt=2, executor="local")
GIVEN: dict[type[Signal], Signal] = {
    Ask: Ask("ada"),
    RunStarted: RunStarted(RUN, "secret"),
    Opened: Opened(RUN, 8888),
    Broken: Broken(RUN, no_run()),
    RunEnded: RunEnded(no_run()),
    Used: Used(NOW, "ada"),
    Entered: Entered("laptop"),
    TicketIssued: TicketIssued(),
    Unused: Unused(no_run()),
    Idle: Idle(no_run()),
    Close: Close(no_run()),
    Keep: Keep(AFTERWARDS, no_run()),
    JobOver: JobOver(no_run()),
    Stopped: Stopped(RUN),
}
LEADS_TO: dict[tuple[str, type[Signal]], str] = {
    ("failed", Ask): "requested",
    ("closed", Ask): "requested",
    ("requested", RunStarted): "starting",
    ("starting", Opened): "ready",
    ("starting", Broken): "failed",
    ("ready", Broken): "failed",
    ("starting", RunEnded): "requested",
    ("ready", RunEnded): "requested",
    ("failed", RunEnded): "requested",
    ("ready", Used): "ready",
    ("ready", Unused): "ready",
    ("ready", Idle): "closed",
    **{(status, Close): "closed" for status in ("requested", "starting", "ready", "failed")},
    **{(status, Keep): "ready" for status in ("requested", "starting", "ready", "failed")},
    **{(status.value, visit): status.value for status in EndpointStatus for visit in (Entered, TicketIssued)},
    **{(status, JobOver): "closed" for status in ("requested", "starting", "ready", "failed")},
}


def within(status: EndpointStatus) -> EndpointDocument:
    run = None if status is EndpointStatus.REQUESTED else RUN
    return endpoint(status=status, run=run, secret=None if run is None else "secret")


def facts(before: EndpointDocument, after: EndpointDocument) -> list[str]:
    return [event.type.split(".")[3] for _, event in events_after(after, before.version)]


@pytest.mark.parametrize("status", list(EndpointStatus))
@pytest.mark.parametrize("signal", SIGNALS)
def test_every_pair_leads_where_the_table_says_with_its_event_or_changes_nothing(
    status: EndpointStatus, signal: type[Signal]
) -> None:
    before = within(status)
    after = decide(before, GIVEN[signal], ACTOR, NOW)
    target = LEADS_TO.get((status.value, signal))
    if target is None:
        assert after.status is status
        assert facts(before, after) == []
        assert after is before or after.over
    else:
        assert after.status == target
        assert after.version == before.version + 1
        said = {RunStarted: [], Used: [], Unused: ["closing"], Entered: ["entered"], TicketIssued: ["ticket_issued"]}
        assert facts(before, after) == said.get(signal, [target])
    assert ((status, signal) in TABLE) >= (target is not None)


@pytest.mark.parametrize("signal", [Opened(NEXT, 8888), Broken(NEXT, no_run()), Stopped(NEXT)])
def test_what_is_said_of_another_run_changes_nothing(signal: Signal) -> None:
    for status in EndpointStatus:
        before = within(status)
        assert decide(before, signal, ACTOR, NOW) is before


def test_a_busy_program_is_a_use_by_nobody_else() -> None:
    used = decide(within(EndpointStatus.READY), Used(NOW, "ada"), ACTOR, NOW)
    busy = decide(used, Used(NOW + timedelta(hours=1)), ACTOR, NOW)
    assert (busy.last_used_at, busy.last_used_by) == (NOW + timedelta(hours=1), "ada")


def test_a_closed_one_remembers_its_run_until_its_program_has_stopped() -> None:
    closed = decide(within(EndpointStatus.READY), Close(no_run()), ACTOR, NOW)
    assert (closed.run, closed.secret, closed.over) == (RUN, "secret", False)
    stopped = decide(closed, Stopped(RUN), ACTOR, NOW)
    assert (stopped.run, stopped.secret, stopped.over) == (None, None, True)
    again = decide(stopped, Ask("bob", 0), ACTOR, NOW)
    assert (again.requested_by, again.reason) == ("bob", None)


def test_use_that_is_written_down_late_takes_nothing_back() -> None:
    used = decide(within(EndpointStatus.READY), Used(NOW), ACTOR, NOW)
    late = decide(used, Used(NOW - timedelta(seconds=10)), ACTOR, NOW)
    assert late is used
    assert decide(used, Used(NOW + timedelta(seconds=1)), ACTOR, NOW).last_used_at == NOW + timedelta(seconds=1)


def test_what_is_kept_after_the_job_stays_as_it_is_until_the_time_is_over() -> None:
    kept = decide(within(EndpointStatus.STARTING), Keep(AFTERWARDS, no_run()), ACTOR, NOW)
    assert (kept.run, kept.secret) == (AFTERWARDS, None)
    assert decide(kept, Keep(AFTERWARDS, no_run()), ACTOR, NOW) is kept
    assert decide(kept, Opened(RUN, 8888), ACTOR, NOW) is kept
    assert decide(kept, JobOver(no_run()), ACTOR, NOW).over


def test_an_event_says_who_and_which_request_led_to_it() -> None:
    before = within(EndpointStatus.READY)
    after = decide(before, Close(no_run()), Actor(kind="user", name="ada"), NOW, cause="request-7")
    ((subject, event),) = events_after(after, before.version)
    assert subject == f"evt.endpoint.closed.v1.default.{before.job_id}"
    assert (event.id, event.causationid) == (f"{before.id}:{after.version}", "request-7")
    data: Any = event.data
    assert (data.actor.name, data.reason.code, data.kind) == ("ada", "no_run", "ssh")
