"""From an event of a job to an entry of the audit, and what is none."""

import json
from typing import Any

import pytest

from services.gateway.audit import ASKED, AuditEntry, endpoint_entry_of, entry_of
from services.gateway.handlers import SUBSCRIPTIONS
from services.jobs.domain.machine import ROWS
from services.jobs.domain.signals import Kill, Pause, Resume, SetPriority
from shared.contracts.errors import PermanentError
from shared.contracts.events import JobSubmitted

ID = "01KC0000000000000000000001"


def event(kind: str = "user", origin: dict[str, str] | None = None, **data: Any) -> bytes:
    job = {"id": ID, "name": "j", "vc": "lab", "owner": "ada", "state": {"status": "queued", "priority": 7}}
    body = {"job": job, "actor": {"kind": kind, "name": "bob", **(origin or {})}, **data}
    about = {"id": f"{ID}:3", "time": "2026-01-01T00:00:00.123Z", "correlationid": "first", "causationid": "request"}
    return json.dumps({**about, "data": body}).encode()


def test_a_person_s_change_is_an_entry_that_its_event_names() -> None:
    entry = entry_of(f"evt.job.priority_changed.v1.lab.{ID}", event(previous=5))
    assert entry is not None
    assert (entry.id, entry.actor, entry.action, entry.target) == (
        f"{ID}:3",
        "bob",
        "job.priority_changed",
        f"job/{ID}",
    )
    assert entry.details == {
        "name": "j",
        "vc": "lab",
        "owner": "ada",
        "status": "queued",
        "priority": 7,
        "previous": 5,
    }
    assert (entry.request_id, entry.address) == ("request", None)


def test_an_entry_says_from_where_and_with_which_api_token() -> None:
    entry = entry_of(f"evt.job.resumed.v1.lab.{ID}", event(origin={"address": "203.0.113.9", "token": "nightly"}))
    assert entry is not None
    assert (entry.address, entry.token) == ("203.0.113.9", "nightly")


@pytest.mark.parametrize("fact", ["pausing", "paused", "killing", "killed"])
def test_what_was_asked_has_one_name_whether_the_job_ran_or_waited(fact: str) -> None:
    entry = entry_of(f"evt.job.{fact}.v1.lab.{ID}", event())
    assert entry is not None
    assert entry.action == ("job.paused" if fact.startswith("paus") else "job.killed")


def test_what_a_service_did_is_none() -> None:
    assert entry_of(f"evt.job.pausing.v1.lab.{ID}", event("service")) is None


@pytest.mark.parametrize("payload", [b"", b"{}", b"[]", b"null", b'{"data": 7}', b"\xff", event()[:-9]])
def test_what_is_no_event_goes_to_the_dead_letters(payload: bytes) -> None:
    with pytest.raises(PermanentError, match="does not carry an event"):
        entry_of(f"evt.job.killed.v1.lab.{ID}", payload)


def test_every_event_that_a_person_s_signal_leads_to_is_heard() -> None:
    signals = {Pause, Resume, Kill, SetPriority}
    caused = {arrow.event for row in ROWS if signals & set(row.signals) for arrow in row.arrows}
    assert {event.fact for event in caused | {JobSubmitted}} == set(ASKED)
    assert len(SUBSCRIPTIONS[0].subjects) == len(ASKED)


def visit(subject: str, actor: dict[str, str], **more: str) -> AuditEntry | None:
    about = {"job_id": ID, "name": "ssh", "kind": "ssh", "port": None, "rank": 0, "vc": "lab", "owner": "ada"}
    body = {"id": f"{ID}.ssh:9", "time": "2026-01-01T00:00:00.123Z", "data": {**about, "actor": actor, **more}}
    return endpoint_entry_of(subject, json.dumps(body).encode())


def test_who_went_in_is_an_entry_with_the_key_or_the_token_and_the_address() -> None:
    vera = {"kind": "user", "name": "vera", "address": "203.0.113.9", "token": "nightly"}
    entry = visit(f"evt.endpoint.entered.v1.lab.{ID}", vera, key="laptop")
    assert entry is not None
    assert (entry.actor, entry.action, entry.target) == ("vera", "endpoint.entered", f"job/{ID}")
    assert (entry.address, entry.token) == ("203.0.113.9", "nightly")
    assert entry.details == {"name": "ssh", "port": None, "rank": 0, "vc": "lab", "owner": "ada", "key": "laptop"}
    issued = visit(f"evt.endpoint.ticket_issued.v1.lab.{ID}", vera)
    assert issued is not None and issued.action == "endpoint.ticket_issued"


def test_what_people_do_with_ways_into_jobs_is_heard() -> None:
    heard = {subject.split(".")[2] for subscription in SUBSCRIPTIONS[1:2] for subject in subscription.subjects}
    assert heard == {"requested", "entered", "ticket_issued", "closed"}
