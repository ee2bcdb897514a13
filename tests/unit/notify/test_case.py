"""A case's document: which changes are events, and what people are told of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.notify.domain.case import ANSWER_BYTES, CaseDocument, Delivery, events_after, fitting, opened, resource
from services.notify.domain.sending import Rules, missed, sent, tried
from shared.contracts.events import SupportFailed, SupportRequested, SupportSent
from shared.contracts.notify import RequestSupport
from tests.support.documents import JOB_ID

NOW = datetime(2026, 1, 1, tzinfo=UTC)
RULES = Rules(10, 120, 86_400)
CASE_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAX"


def asked(**changes: Any) -> RequestSupport:
    fields = {"case_id": CASE_ID, "job_id": JOB_ID, "vc": "default", "requester": "ada", "subject": "s", "message": "m"}
    return RequestSupport(**(fields | changes))


def case(delivery: Delivery = "smtp") -> CaseDocument:
    return opened(asked(), delivery, NOW)


def test_a_case_begins_with_its_event() -> None:
    ((subject, event),) = events_after(case(), 0)
    assert subject == f"evt.support.requested.v1.default.{JOB_ID}"
    assert event.id == f"{CASE_ID}:requested" and isinstance(event.data, SupportRequested)


def test_tries_are_no_events_and_an_end_is_one() -> None:
    begun = case()
    trying = begun.moved(tried(begun.sending, RULES, NOW), NOW)
    waiting = trying.moved(missed(trying.sending, "no", RULES, NOW), NOW)
    assert waiting.version == 3 and events_after(waiting, 1) == []
    done = waiting.moved(sent(waiting.sending, NOW), NOW)
    failed = waiting.moved(missed(waiting.sending, "no", RULES, NOW, final=True), NOW)
    for ended, kind in ((done, SupportSent), (failed, SupportFailed)):
        ((_, event),) = events_after(ended, 1)
        assert isinstance(event.data, kind) and event.causationid == f"{CASE_ID}:requested"
        assert events_after(ended, 4) == []


def test_an_event_is_the_same_whenever_it_is_made() -> None:
    begun = case()
    later = begun.moved(sent(begun.sending, NOW + timedelta(days=2)), NOW + timedelta(days=2))
    assert events_after(begun, 0)[0] == events_after(later, 0)[0]


def test_the_note_says_where_the_mail_is() -> None:
    assert "on its way" in resource(case()).note
    written = case("file")
    assert f"mail/{CASE_ID}.eml" in resource(written).note and "is being written" in resource(written).note
    assert "was written" in resource(written.moved(sent(written.sending, NOW), NOW)).note


@pytest.mark.parametrize("end", ["\r", "\n", "\u2028", "\u2029", "\x85", "\0", "\x1b"])
def test_a_subject_is_one_line_also_where_no_gateway_stands_before(end: str) -> None:
    with pytest.raises(ValidationError, match="one line"):
        asked(subject=f"Hello{end}Bcc: eve@example.org")


@pytest.mark.parametrize("email", ["ada", "a@b\r\nBcc: c@d", "Ada <a@b>", "a@b, c@d", "a b@c", "=?utf-8?q?=0d=0ax?=@c"])
def test_an_address_is_one_plain_address(email: str) -> None:
    with pytest.raises(ValidationError):
        asked(email=email)


def test_an_answer_carries_as_many_cases_as_a_message_on_the_bus_has_room_for() -> None:
    long = resource(opened(asked(message="長" * 20_000), "smtp", NOW))
    found = fitting([long] * 20)
    assert 0 < len(found) < 20
    assert sum(len(one.message.encode()) for one in found) <= ANSWER_BYTES
    assert fitting([]) == ()
