"""Help from the operators, through the running platform and a real SMTP server that may fail in every way."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from tests.support.mailserver import MailServer, files_of, read, text_of
from tests.support.platform import Platform, platform
from tests.support.waiting import seen, wait_until

ASK: dict[str, Any] = {"subject": "It fails", "message": "It <b>fails</b>\nand I do not know why."}
SECRET = "correct-horse-battery"


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def yard(mails: MailServer) -> Iterator[Platform]:
    with platform(**mails.settings()) as running:
        yield running


@pytest.fixture(scope="module")
def job(yard: Platform) -> str:
    command = f"echo the password is {SECRET}; exit 3"
    id = yard.submit(command, name="digits", env={"PASSWORD": SECRET, "SHORT": "1"}, labels={"team": "vision"})
    yard.wait(id)
    return id


@pytest.fixture(autouse=True)
def _kind(mails: MailServer) -> None:
    mails.always = "take"
    mails.next.clear()


def ask(yard: Platform, job: str, expect: int = 202, key: str | None = None, **fields: Any) -> dict[str, Any]:
    headers = {"Idempotency-Key": key} if key else {}
    answer: dict[str, Any] = yard.call("POST", f"/jobs/{job}/support", expect, json=ASK | fields, headers=headers)
    return answer


def cases(yard: Platform, job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yard.call("GET", f"/jobs/{job}/support", 200)["items"]
    return found


def case(yard: Platform, job: str, id: str) -> dict[str, Any]:
    return next(found for found in cases(yard, job) if found["id"] == id)


def once_over(yard: Platform, job: str, id: str) -> dict[str, Any]:
    wait_until(lambda: case(yard, job, id)["status"] != "waiting", "the mail was sent or given up")
    return case(yard, job, id)


def test_a_question_reaches_the_operators_with_all_they_need_and_no_secret(
    yard: Platform, mails: MailServer, job: str
) -> None:
    assert "support" in yard.job(job)["actions"]
    asked = ask(yard, job)
    assert (asked["status"], asked["delivery"], asked["job_id"]) == ("waiting", "smtp", job)
    done = once_over(yard, job, asked["id"])
    assert (done["status"], done["tries"], done["next_try"], done["last_error"]) == ("sent", 1, None, None)
    assert done["sent_at"] and done["note"] == "The operators' mail server has it."

    (mail,) = mails.of(asked["id"])
    assert mail["Message-ID"] == f"<{asked['id']}@example.org>"
    assert mail["To"] == "ops@example.org, night@example.org"
    assert mails.recipients[mails.mails.index(mail)] == ["ops@example.org", "night@example.org"]
    assert (mail["Subject"], mail["From"], mail["Reply-To"]) == (
        "[Jobyard] It fails",
        "Jobyard <yard@example.org>",
        None,
    )
    plain, html = text_of(mail), text_of(mail, "html")
    for text in (plain, html):
        for said in (job, "digits", "failed", "The command ended with exit code 3.", "default", "admin"):
            assert said in text
    assert "It <b>fails</b>\nand I do not know why." in plain
    assert "&lt;b&gt;fails&lt;/b&gt;" in html and "<b>" not in html

    files = files_of(mail)
    specification = yaml.safe_load(files[f"{job}.yaml"])
    assert specification["name"] == "digits" and specification["labels"] == {"team": "vision"}
    assert specification["env"] == {"PASSWORD": "***", "SHORT": "***"}
    history = files["history.txt"].splitlines()
    assert [line.split()[1] for line in history] == ["submitted", "scheduled", "started", "failed"]
    assert "by user admin" in history[0]
    assert files["console.txt"].splitlines()[0].endswith("| the password is ***")
    assert SECRET not in mail.as_string() and not any(SECRET in text for text in files.values())


def test_no_value_of_a_secret_is_in_any_part_of_the_mail(yard: Platform, mails: MailServer) -> None:
    canary, key = "canary <&> 7d1f", "-----BEGIN KEY-----\ncanary-one: 'x'\nab\ncanary-two"
    yard.call("PUT", "/me/secrets/token", 201, json={"value": canary})
    yard.call("PUT", "/vcs/default/secrets/pem", 201, json={"value": key})
    job = yard.submit(
        ["sh", "-c", f'echo "$TOKEN"; echo "$PEM"; echo "{canary}"', key],
        env={"TOKEN": {"secret": "token"}, "PEM": {"secret": "pem"}, "PLAIN": "first-line\nother-line"},
        labels={"team": "vision"},
    )
    yard.wait(job)
    asked = ask(yard, job, subject=f"It says {canary}", message=f"Why {canary}?\nAnd canary-two? other-line")
    assert once_over(yard, job, asked["id"])["status"] == "sent"
    (mail,) = mails.of(asked["id"])
    files = files_of(mail)
    parts = {"subject": mail["Subject"], "plain": text_of(mail), "html": text_of(mail, "html"), **files}
    for name, text in parts.items():
        for value in ("canary", "7d1f", "BEGIN KEY", "other-line"):
            assert value not in text, (name, text)
    assert mail["Subject"] == "[Jobyard] It says ***"
    assert "Why ***?" in parts["plain"] and "Why ***?" in parts["html"]
    command = yaml.safe_load(files[f"{job}.yaml"])["command"]
    assert command[2:] == ['echo "$TOKEN"; echo "$PEM"; echo "***"', "***\n***\nab\n***"]
    assert [line.partition(" | ")[2] for line in files["console.txt"].splitlines()] == ["***"] * 3 + [
        "ab",
        "***",
        "***",
    ]


def test_the_console_stays_at_home_if_its_owner_says_so(yard: Platform, mails: MailServer, job: str) -> None:
    asked = ask(yard, job, include_logs=False)
    once_over(yard, job, asked["id"])
    (mail,) = mails.of(asked["id"])
    assert set(files_of(mail)) == {f"{job}.yaml", "history.txt"}


def test_unicode_arrives_as_it_was_written(yard: Platform, mails: MailServer, job: str) -> None:
    subject, message = "Größe, 大小, 🚀 " + "x" * 150, "Zeile 1\n\n" + "ü" * 3000
    asked = ask(yard, job, subject=subject, message=message)
    once_over(yard, job, asked["id"])
    (mail,) = mails.of(asked["id"])
    assert mail["Subject"] == f"[Jobyard] {subject}"
    assert message in text_of(mail)


@pytest.mark.parametrize("trouble", ["451 Try later", "554 Not from you", "stall", "hang up"])
def test_a_mail_server_in_trouble_gets_the_mail_again_with_the_same_message_id(
    yard: Platform, mails: MailServer, job: str, trouble: str
) -> None:
    mails.next.append(trouble)
    asked = ask(yard, job)
    done = once_over(yard, job, asked["id"])
    assert done["status"] == "sent" and done["tries"] == 2
    arrived = mails.of(asked["id"])
    assert len(arrived) == (2 if trouble == "hang up" else 1)
    assert {mail["Message-ID"] for mail in arrived} == {f"<{asked['id']}@example.org>"}
    assert len({mail["Date"] for mail in arrived}) == 1


def test_while_it_waits_the_case_says_what_is_wrong_and_when_it_goes_on(
    yard: Platform, mails: MailServer, job: str
) -> None:
    mails.always = "451 The disk is full"
    asked = ask(yard, job)
    waiting = seen(
        lambda: case(yard, job, asked["id"]), lambda one: one["last_error"] and one["next_try"], "a try has failed"
    )
    assert waiting["status"] == "waiting" and "The disk is full" in waiting["last_error"]
    assert waiting["sent_at"] is None
    mails.always = "take"
    assert once_over(yard, job, asked["id"])["status"] == "sent"


def test_a_mail_that_nobody_takes_is_given_up_and_the_case_says_so(mails: MailServer) -> None:
    mails.always = "554 Never"
    with platform(**mails.settings(JOBYARD_NOTIFY_GIVE_UP_S="0.2")) as yard:
        job = yard.submit("true")
        asked = ask(yard, job)
        done = once_over(yard, job, asked["id"])
        assert done["status"] == "failed" and "Never" in done["last_error"] and done["next_try"] is None
        assert "dead letters" in done["note"]
        assert mails.of(asked["id"]) == []


def test_a_repeated_request_with_its_key_makes_one_case_and_one_mail(
    yard: Platform, mails: MailServer, job: str
) -> None:
    first = ask(yard, job, key="again")
    assert ask(yard, job, key="again")["id"] == first["id"]
    ask(yard, job, 409, key="again", subject="Something else")
    once_over(yard, job, first["id"])
    assert ask(yard, job, key="again")["status"] == "sent"
    assert len(mails.of(first["id"])) == 1
    other = ask(yard, job, key="another")["id"]
    assert other != first["id"] and once_over(yard, job, other)["status"] == "sent"


LONG = "x" * 201
ENDS = ("\r", "\n", "\r\n", "\0", "\x85", "\u2028", "\u2029", "\x1b", "\x7f")
SUBJECTS: tuple[Any, ...] = ("", " ", "\u3000", LONG, 1, None, ["x"], {"$ne": None}, True)
MESSAGES: tuple[Any, ...] = ("", " \n", "x" * 20_001, "a\0b", "\x1b[31m", 1, None, {})
INCLUDES: tuple[Any, ...] = ("yes", 1, None, [])
BAD: list[tuple[dict[str, Any], str]] = [
    *((ASK | {"subject": f"Hello{end}Bcc: eve@example.org"}, "subject") for end in ENDS),
    *((ASK | {"subject": value}, "subject") for value in SUBJECTS),
    *((ASK | {"message": value}, "message") for value in MESSAGES),
    *((ASK | {"include_logs": value}, "include_logs") for value in INCLUDES),
    ({"message": "x"}, "subject"),
    ({"subject": "x"}, "message"),
    (ASK | {"to": "eve@example.org"}, "to"),
    (ASK | {"email": "eve@example.org\r\nBcc: x@y"}, "email"),
    (ASK | {"case_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "case_id"),
]


@pytest.mark.parametrize(("body", "field"), BAD, ids=[f"{number}-{field}" for number, (_, field) in enumerate(BAD)])
def test_bad_input_is_refused_by_its_field_and_nothing_is_stored_or_sent(
    yard: Platform, mails: MailServer, job: str, body: Any, field: str
) -> None:
    before, tries = [found["id"] for found in cases(yard, job)], mails.tries
    problem = yard.call("POST", f"/jobs/{job}/support", 422, json=body)
    assert field in {error["field"] for error in problem["errors"]}
    assert [found["id"] for found in cases(yard, job)] == before and mails.tries == tries


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'"x"', b'{"subject": "\\ud800", "message": "x"}', b"{" * 10_000]
)
def test_a_body_that_is_no_question_is_refused(yard: Platform, job: str, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    yard.call("POST", f"/jobs/{job}/support", 422, content=body, headers=headers)


def test_the_door_is_the_same_as_everywhere(yard: Platform, job: str) -> None:
    assert yard.http.post(f"/api/v1/jobs/{job}/support", json=ASK).status_code == 401
    assert yard.http.get(f"/api/v1/jobs/{job}/support").status_code == 401
    ask(yard, "01ARZ3NDEKTSV4RRFFQ69G5FAV", 404)
    yard.call("GET", "/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV/support", 404)
    for id in ("*", "a.b", "x" * 300):
        ask(yard, id, 422)
    yard.call("POST", f"/jobs/{job}/support", 415, content=b"{}", headers={"Content-Type": "text/plain"})
    yard.call("POST", f"/jobs/{job}/support", 413, json=ASK | {"message": "x" * 2_000_000})
    ask(yard, job, 422, key="k" * 241)


def run_in(yard: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = yard._environment | {"JOBYARD_URL": yard.url, "JOBYARD_DATA": str(yard.data)}
    command = [sys.executable, "-m", "jobyard", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=yard.data, check=False)


def test_administrators_read_every_case_page_by_page_and_others_their_own(yard: Platform) -> None:
    yard.call("POST", "/users", 201, json={"username": "mia", "password": "correct horse"})
    token = yard.http.post("/api/v1/auth/token", json={"username": "mia", "password": "correct horse"}).json()
    mia = {"Authorization": f"Bearer {token['access_token']}"}
    hers = yard.call("POST", "/jobs", 201, json={"name": "hers", "command": "true"}, headers=mia)["id"]
    made = yard.call("POST", f"/jobs/{hers}/support", 202, json=ASK, headers=mia)["id"]
    newest = ask(yard, yard.submit("true"))["id"]
    first = yard.call("GET", "/support?scope=all&limit=1", 200)
    assert [case["id"] for case in first["items"]] == [newest]
    second = yard.call("GET", f"/support?scope=all&limit=1&cursor={first['next_cursor']}", 200)
    assert [case["id"] for case in second["items"]] == [made]
    assert [case["id"] for case in yard.call("GET", "/support", 200, headers=mia)["items"]] == [made]
    yard.call("GET", "/support?scope=all", 403, headers=mia)
    yard.call("GET", "/support?cursor=*", 422)


def test_the_command_line_asks_and_shows_what_was_asked(yard: Platform, mails: MailServer, job: str) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_in(yard, *arguments)

    asked = run("support", "digits", "-s", "From a terminal", "-m", "Help me", "--no-logs")
    assert asked.returncode == 0, asked.stderr
    id = asked.stdout.split()[0]
    once_over(yard, job, id)
    assert set(files_of(mails.of(id)[0])) == {f"{job}.yaml", "history.txt"}
    listed = run("support", job)
    assert re.search(rf"{id}\s+admin\s+\S+\s+sent\s+1\s+-\s+From a terminal", listed.stdout), listed.stdout
    assert run("support", job, "-s", "No message").returncode == 2
    refused = run("support", job, "-s", "Two\nlines", "-m", "x")
    assert refused.returncode == 4 and "one line" in refused.stderr


def test_without_a_mail_server_each_mail_is_a_file_and_the_answer_says_so() -> None:
    with platform() as yard:
        job = yard.submit("echo hello")
        yard.wait(job)
        asked = ask(yard, job)
        path = yard.data / "mail" / f"{asked['id']}.eml"
        assert asked["delivery"] == "file" and f"mail/{asked['id']}.eml" in asked["note"]
        done = once_over(yard, job, asked["id"])
        assert done["status"] == "sent" and "was written" in done["note"]
        assert done["file"] == f"mail/{asked['id']}.eml"
        listed = run_in(yard, "support", job).stdout
        assert re.search(rf"{asked['id']}\s.*written to file.*mail/{asked['id']}\.eml", listed), listed
        mail = read(path.read_bytes())
        assert mail["Subject"] == "[Jobyard] It fails" and "hello" in files_of(mail)["console.txt"]
        assert path.stat().st_mode & 0o777 == 0o600
        assert [file.name for file in path.parent.iterdir()] == [path.name]
