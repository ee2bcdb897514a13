"""What mails say, and what they hide."""

import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any

import pytest

from services.notify.domain.case import opened
from services.notify.domain.letter import Letter, Material, support_letter
from services.notify.domain.redaction import Redaction
from services.notify.mail import composed
from shared.contracts.commands.submission import NewJob
from shared.contracts.job import JobRequest
from shared.contracts.notify import RequestSupport
from tests.support.documents import JOB_ID
from tests.support.gateway import stored_job

NOW = datetime(2026, 1, 1, tzinfo=UTC)
CASE_ID = "01ARZ3NDEKTSV4RRFFQ69G5FAX"


def case(**fields: Any) -> Any:
    known = {"subject": "Help", "message": "It waits.", "email": "ada@example.org"}
    ask = RequestSupport(case_id=CASE_ID, job_id=JOB_ID, vc="default", requester="ada", **(known | fields))
    return opened(ask, "smtp", NOW)


def letter(material: Material | None = None, **fields: Any) -> Letter:
    return support_letter(case(**fields), material or Material(), ("ops@example.org",))


def test_without_the_job_the_mail_still_says_who_asks_and_what_is_missing() -> None:
    mail = letter(Material(missing=("The job could not be looked up: away.",)))
    for text in (mail.text, mail.html):
        assert "ada asks for help" in text and JOB_ID in text and "could not be looked up" in text
    assert mail.attachments == ()


def test_the_brief_shows_the_job_and_its_reason() -> None:
    job = stored_job(NewJob(id=JOB_ID, owner="bob", request=JobRequest(name="digits", command="true")))
    text = letter(Material(job=job)).text
    for line in (
        "Name              digits",
        "User              bob",
        "Status            queued",
        "Priority          100",
    ):
        assert line in text


def test_what_a_person_writes_is_text_in_html() -> None:
    html = letter(subject="<script>", message="<img src=x onerror=alert(1)> & 'so' \"on\"").html
    assert "<img" not in html and "&lt;img src=x onerror=alert(1)&gt; &amp; &#x27;so&#x27;" in html


def test_values_of_the_environment_are_hidden_everywhere_the_longest_first() -> None:
    redaction = Redaction({"A": "secret-1", "B": "secret-12345", "C": "1", "D": {"secret": "NAME"}})
    assert redaction.text("secret-12345 secret-1 1") == "*** *** 1"
    tree = {"command": ["echo", "secret-1"], "env": {"A": "secret-1", "C": "1"}, "cpus": 1.0}
    assert redaction.tree(tree) == {"command": ["echo", "***"], "env": {"A": "***", "C": "***"}, "cpus": 1.0}
    mail = letter(Material(redaction=redaction), subject="about secret-1", message="secret-12345?")
    assert "secret-" not in mail.text + mail.html + mail.subject


def test_a_mail_has_the_same_name_each_time_it_is_composed() -> None:
    first, second = (composed(letter(), "yard@example.org") for _ in range(2))
    assert first["Message-ID"] == second["Message-ID"] == f"<{CASE_ID}@example.org>"
    assert first["Date"] == second["Date"]
    assert first["Reply-To"] == "ada@example.org"


@pytest.mark.parametrize(
    "subject",
    [
        "ü" * 200,
        "x" * 200,
        "a" + " " * 190 + "b",
        "=?utf-8?q?=0d=0aBcc:_eve@example.org?=",
        "=?utf-8?b?DQpCY2M6IGV2ZUBleGFtcGxlLm9yZw==?= and more",
        "==??utf-8?q?=0d=0aBcc:_eve@example.org?=",
    ],
)
def test_a_subject_makes_no_other_header_not_even_encoded(subject: str) -> None:
    content = composed(letter(subject=subject), "yard@example.org").as_bytes()
    assert re.search(rb"^Bcc:", content, re.MULTILINE | re.IGNORECASE) is None
    read = message_from_bytes(content, policy=policy.default)
    assert read["Bcc"] is None and read["To"] == "ops@example.org"
    expected = subject.replace("=?", "= ?")
    assert " ".join(read["Subject"].split()) == " ".join(f"[Jobyard] {expected}".split())
