"""Which notifications an event makes."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.jobs.domain.document import event_of
from services.jobs.domain.signals import Kill, Place
from services.notify.domain.delivery import KNOWN, deliveries, unknown
from services.notify.notices import watched
from shared.contracts.events import CloudEvent, JobEvent
from shared.contracts.job import FOREIGN, SERVED, Actor, Reason
from shared.contracts.notify import ENDS, Notify
from tests.support.documents import ALLOCATION, JOB_ID, after, queued

NOW = datetime(2026, 1, 1, tzinfo=UTC)
EVERYTHING = Notify(to="mailto:a@b", on=("submitted", "scheduled", "killing", "killed"))


def published(**request: Any) -> list[tuple[str, bytes]]:
    """The events of a job's life as they travel."""
    job = after(queued(**request), Place(ALLOCATION), Kill())
    events = (event_of(job, entry) for entry in job.history)
    return [(subject, event.model_dump_json().encode()) for subject, event in events]


def heard(**request: Any) -> list[CloudEvent[JobEvent]]:
    events = (watched(subject, payload) for subject, payload in published(notify=(EVERYTHING,), **request))
    return [event for event in events if event is not None]


def test_only_events_of_jobs_that_notify_are_looked_at() -> None:
    assert [watched(subject, payload) for subject, payload in published()] == [None] * 3
    assert len(heard()) == 3
    text = published(env={"A": '"notifies":true'}, labels={"a": "notifies"})
    assert all(watched(subject, payload) is None for subject, payload in text)


def test_each_entry_gets_the_events_it_asks_for_under_ids_that_never_change() -> None:
    submitted = heard()[0]
    entries = [Notify(to="mailto:a@b"), Notify(to="mailto:c@d", on=("submitted",)), EVERYTHING]
    made = deliveries(submitted, entries, NOW)
    assert [(one.id, one.to, one.event) for one in made] == [
        (f"{JOB_ID}.1.1", "mailto:c@d", "submitted"),
        (f"{JOB_ID}.1.2", "mailto:a@b", "submitted"),
    ]
    assert [one.id for one in deliveries(submitted, entries, NOW)] == [one.id for one in made]


@pytest.mark.parametrize(
    ("to", "channel"),
    [
        ("mailto:a@b", "mail"),
        ("https://example.org/hook", "webhook"),
        ("http://10.0.0.1/hook", "webhook"),
        ("ntfys://ntfy.sh/topic", "push"),
    ],
)
def test_an_entry_says_how_it_travels(to: str, channel: str) -> None:
    (made,) = deliveries(heard()[0], [Notify(to=to, on=("submitted",))], NOW)
    assert made.channel == channel


def test_the_body_is_the_event_with_the_names_of_the_environment_alone() -> None:
    scheduled = heard(env={"TOKEN": "canary"}, secrets={"KEY": "vault-canary"})[1]
    (made,) = deliveries(scheduled, [EVERYTHING], NOW)
    body = json.loads(made.body)
    assert body["data"]["launch"]["env"] == {"TOKEN": "***"}
    assert body["data"]["launch"]["secrets"] == {"KEY": "***"} and "canary" not in made.body
    assert body["type"] == "io.jobyard.job.scheduled.v1" and body["data"]["job"]["id"] == JOB_ID


def test_the_body_does_not_tell_where_the_request_came_from() -> None:
    submitted = heard()[0]
    actor = Actor(kind="user", name="ada", address="203.0.113.7", token="nightly")
    about = submitted.model_copy(update={"data": submitted.data.model_copy(update={"actor": actor})})
    (made,) = deliveries(about, [EVERYTHING], NOW)
    assert json.loads(made.body)["data"]["actor"] == {"kind": "user", "name": "ada"}


def test_the_body_does_not_tell_the_id_or_the_place_of_another_vcs_job() -> None:
    submitted = heard()[0]
    reason = Reason(code="preempting", message="m", details={SERVED: "0" * 26, FOREIGN: True, "node": "a", "rule": "r"})
    job = submitted.data.job.model_copy(
        update={"state": submitted.data.job.state.model_copy(update={"reason": reason})}
    )
    preempted = submitted.model_copy(update={"data": submitted.data.model_copy(update={"job": job})})
    (made,) = deliveries(preempted, [EVERYTHING], NOW)
    assert json.loads(made.body)["data"]["job"]["state"]["reason"]["details"] == {"rule": "r"}


def test_the_four_ends_are_known_by_the_names_of_their_statuses() -> None:
    assert set(ENDS) < KNOWN and "errored" not in KNOWN
    assert unknown(Notify(to="mailto:a@b", on=("error", "errored", "nothing"))) == ["errored", "nothing"]
