"""Notifications through the running platform: mails, signed webhooks and push messages, and where none may go."""

import base64
import hashlib
import hmac
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from standardwebhooks import Webhook

from tests.support.mailserver import MailServer, text_of
from tests.support.platform import Platform, platform
from tests.support.receiver import Arrival, Receiver
from tests.support.waiting import wait_until

ENDS = ["finished", "failed", "error", "killed"]


@pytest.fixture(scope="module")
def mails() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


@pytest.fixture(scope="module")
def yard(mails: MailServer) -> Iterator[Platform]:
    allowed = {"JOBYARD_NOTIFY_ALLOW_PRIVATE": "127.0.0.0/8", "JOBYARD_NOTIFY_APPRISE_SCHEMES": "json"}
    with platform(**mails.settings(**allowed)) as running:
        yield running


@pytest.fixture(autouse=True)
def _kind(receiver: Receiver) -> None:
    receiver.always = 204
    receiver.next.clear()


def told(yard: Platform, job: str) -> list[dict[str, Any]]:
    """Oldest first."""
    found: list[dict[str, Any]] = yard.call("GET", f"/jobs/{job}/notifications", 200)["items"]
    return found[::-1]


def once_told(yard: Platform, job: str, count: int) -> list[dict[str, Any]]:
    wait_until(
        lambda: len(found := told(yard, job)) == count and all(one["status"] != "waiting" for one in found),
        "everybody was told, or given up",
    )
    return told(yard, job)


def secret(yard: Platform) -> str:
    return str(yard.call("GET", "/me/webhook-secret", 200)["secret"])


def signature(key: str, arrival: Arrival) -> str:
    """By the specification: HMAC-SHA256 over id, time and body."""
    signed = f"{arrival.headers['webhook-id']}.{arrival.headers['webhook-timestamp']}.".encode() + arrival.body
    digest = hmac.new(base64.b64decode(key.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def test_a_webhook_gets_the_event_itself_signed_and_once(yard: Platform, receiver: Receiver) -> None:
    hook = {"to": f"{receiver.url}/signed?a=b", "on": ["started", "failed"]}
    job = yard.submit("exit 3", notify=[hook])
    assert yard.job(job)["notify"] == [hook]
    first, second = once_told(yard, job, 2)
    assert [(one["event"], one["status"], one["tries"], one["to"]) for one in (first, second)] == [
        ("started", "sent", 1, hook["to"]),
        ("failed", "sent", 1, hook["to"]),
    ]
    arrivals = receiver.at("/signed?a=b")
    assert {arrival.headers["webhook-id"] for arrival in arrivals} == {first["id"], second["id"]}
    assert len(arrivals) == 2
    events = {event["id"]: event for event in yard.call("GET", f"/jobs/{job}/events", 200)["items"]}
    for arrival in arrivals:
        assert arrival.headers["content-type"].startswith("application/cloudevents+json")
        assert arrival.headers["host"] == f"127.0.0.1:{receiver.port}"
        assert arrival.headers["webhook-signature"] == signature(secret(yard), arrival)
        Webhook(secret(yard)).verify(arrival.body, arrival.headers)
        event = arrival.event
        assert event["specversion"] == "1.0" and event["subject"] == job
        assert event["data"]["job"]["state"] == events[event["id"]]["data"]["job"]["state"]


def test_nothing_but_the_events_that_were_asked_for_is_told_and_by_default_the_end(
    yard: Platform, receiver: Receiver
) -> None:
    entries = [{"to": f"{receiver.url}/default"}, {"to": f"{receiver.url}/never", "on": ["error", "preempted"]}]
    job = yard.submit("true", notify=entries)
    assert [entry["on"] for entry in yard.job(job)["notify"]] == [ENDS, ["error", "preempted"]]
    (only,) = once_told(yard, job, 1)
    assert (only["event"], only["to"]) == ("finished", f"{receiver.url}/default")
    assert [arrival.event["type"] for arrival in receiver.at("/default")] == ["io.jobyard.job.finished.v1"]
    assert receiver.at("/never") == []


def test_a_webhook_never_carries_the_values_of_the_environment(yard: Platform, receiver: Receiver) -> None:
    job = yard.submit(
        "true", env={"TOKEN": "canary-1234"}, notify=[{"to": f"{receiver.url}/env", "on": ["scheduled", "submitted"]}]
    )
    once_told(yard, job, 2)
    arrivals = {arrival.event["type"].split(".")[3]: arrival for arrival in receiver.at("/env")}
    assert arrivals["scheduled"].event["data"]["launch"]["env"] == {"TOKEN": "***"}
    assert not any(b"canary-1234" in arrival.body for arrival in arrivals.values())


@pytest.mark.parametrize("trouble", [500, 404, "hang", 301])
def test_a_receiver_in_trouble_gets_the_same_message_again(
    yard: Platform, receiver: Receiver, trouble: int | str
) -> None:
    path = f"/trouble/{trouble}"
    receiver.next.append(trouble)
    job = yard.submit("true", notify=[{"to": receiver.url + path}])
    (only,) = once_told(yard, job, 1)
    assert only["status"] == "sent" and only["tries"] == 2
    arrivals = receiver.at(path)
    assert len(arrivals) == 2
    assert len({(arrival.headers["webhook-id"], arrival.body) for arrival in arrivals}) == 1


@pytest.mark.parametrize(
    "target", ["http://169.254.169.254/latest/meta-data/", "/elsewhere", "http://{host}/elsewhere"]
)
def test_a_redirect_is_a_failure_and_never_followed(yard: Platform, receiver: Receiver, target: str) -> None:
    path = f"/redirecting/{len(target)}"
    receiver.next.append(target.replace("{host}", f"127.0.0.1:{receiver.port}"))
    receiver.next.append(410)
    job = yard.submit("true", notify=[{"to": receiver.url + path}])
    wait_until(lambda: "redirect" in str([one["last_error"] for one in told(yard, job)]), "the redirect was refused")
    (only,) = once_told(yard, job, 1)
    assert only["status"] == "sent" and only["tries"] == 3
    assert receiver.at("/elsewhere") == [] and len(receiver.at(path)) == 3


def test_a_mail_says_what_happened(yard: Platform, mails: MailServer) -> None:
    job = yard.submit("exit 7", name="digits", notify=[{"to": "mailto:ada@example.org"}])
    (only,) = once_told(yard, job, 1)
    assert only["status"] == "sent"
    (mail,) = mails.of(only["id"])
    assert (mail["To"], mail["Subject"]) == ("ada@example.org", "[Jobyard] digits: failed")
    assert mails.recipients[mails.mails.index(mail)] == ["ada@example.org"]
    assert "The command ended with exit code 7" in text_of(mail) and job in text_of(mail, "html")


def test_a_service_of_apprise_that_the_operator_allowed_is_told(yard: Platform, receiver: Receiver) -> None:
    to = f"json://127.0.0.1:{receiver.port}/apprise"
    job = yard.submit("true", name="digits", notify=[{"to": to}])
    assert once_told(yard, job, 1)[0]["status"] == "sent"
    (arrival,) = receiver.at("/apprise")
    assert arrival.event["title"] == "[Jobyard] digits: finished" and job in arrival.event["message"]


def test_one_sees_what_was_told_about_all_own_jobs(yard: Platform, receiver: Receiver) -> None:
    jobs = [yard.submit("true", notify=[{"to": receiver.url}]) for _ in range(2)]
    for job in jobs:
        yard.wait(job)
    wait_until(
        lambda: {one["job_id"] for one in yard.call("GET", "/me/notifications", 200)["items"]} >= set(jobs), "told"
    )
    newest = yard.call("GET", "/me/notifications", 200)["items"]
    assert [one["created_at"] for one in newest] == sorted((one["created_at"] for one in newest), reverse=True)


def test_a_renewed_secret_signs_beside_the_former_one(yard: Platform, receiver: Receiver) -> None:
    former = secret(yard)
    assert secret(yard) == former
    renewed = str(yard.call("POST", "/me/webhook-secret", 200)["secret"])
    assert renewed == secret(yard) != former
    job = yard.submit("true", notify=[{"to": f"{receiver.url}/renewed"}])
    once_told(yard, job, 1)
    (arrival,) = receiver.at("/renewed")
    assert arrival.headers["webhook-signature"].split() == [signature(key, arrival) for key in (renewed, former)]


def test_secrets_and_notifications_are_not_for_those_without_a_token(yard: Platform) -> None:
    for method, path in (("GET", "me/webhook-secret"), ("POST", "me/webhook-secret"), ("GET", "jobs/x/notifications")):
        assert yard.http.request(method, f"/api/v1/{path}").status_code == 401
    yard.call("GET", "/jobs/01ARZ3NDEKTSV4RRFFQ69G5FAV/notifications", 404)
    yard.call("GET", "/jobs/x/notifications", 422)


BAD_EVENTS: tuple[Any, ...] = (
    [],
    ["nothing"],
    ["finished", "finished"],
    "finished",
    [1],
    None,
    ["*"],
    [">"],
    ["x" * 100],
    {},
)
GOOD = "https://example.org/hook"
BAD: list[tuple[Any, str]] = [
    *(
        ([{"to": to}], "notify.0.to")
        for to in (
            "",
            "ada@example.org",
            "mailto:",
            "mailto:ada",
            "mailto:Ada <ada@example.org>",
            "mailto:ada@example.org,eve@example.org",
            "mailto:ada@example.org?bcc=eve@example.org",
            "mailto:ada@example.org\r\nBcc:eve@example.org",
            "mailto:ada@exa\u2028mple.org",
            "mailto:ada@b..c",
            "https://",
            "https:///path",
            "https://user:password@example.org/",
            "https://user@example.org/",
            "https://example.org:0/",
            "https://example.org:99999/",
            "https://example.org/#fragment",
            "https://example.org\\@169.254.169.254/",
            "https://exa mple.org/",
            "https://example.org/\n",
            "https://" + "x" * 3000,
            "https://169.254.169.254/latest/meta-data/",
            "https://10.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::a00:1]/",
            "https://[fe80::1]/",
            "https://224.0.0.1/",
            "https://0.0.0.0/",
            "HTTPS://example.org/",
            "ftp://example.org/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "slack://token",
            "json://",
            1,
            None,
            ["mailto:a@b"],
            {"$ne": None},
        )
    ),
    *(([{"to": GOOD, "on": on}], "notify.0.on") for on in BAD_EVENTS),
    ([{}], "notify.0.to"),
    ([{"to": GOOD, "headers": {"Authorization": "x"}}], "notify.0.headers"),
    ([{"to": GOOD}] * 11, "notify"),
    ("mailto:a@b", "notify"),
    ({"to": GOOD}, "notify"),
    (None, "notify"),
    ([GOOD], "notify.0"),
]


@pytest.mark.parametrize(("entries", "field"), BAD, ids=[f"{number}" for number in range(len(BAD))])
def test_an_entry_that_cannot_be_served_is_refused_by_its_field_and_no_job_is_stored(
    yard: Platform, entries: Any, field: str
) -> None:
    before = yard.call("GET", "/jobs", 200)["total"]
    body = {"name": "test", "command": "true", "notify": entries}
    problem = yard.call("POST", "/jobs", 422, json=body)
    assert any(error["field"].startswith(field) for error in problem["errors"]), problem
    assert yard.call("GET", "/jobs", 200)["total"] == before


def test_in_a_batch_only_the_submission_with_the_bad_entry_is_refused(yard: Platform) -> None:
    jobs = [{"name": "test", "command": "true", "notify": [{"to": to}]} for to in ("mailto:a@example.org", "gopher:x")]
    outcomes = yard.call("POST", "/jobs:submit-batch", 207, json={"jobs": jobs})["outcomes"]
    assert [outcome["status"] for outcome in outcomes] == [201, 422]


def run_in(yard: Platform, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = yard._environment | {"JOBYARD_URL": yard.url, "JOBYARD_DATA": str(yard.data)}
    command = [sys.executable, "-m", "jobyard", *arguments]
    return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=yard.data, check=False)


def test_the_command_line_names_recipients_and_shows_who_was_told(yard: Platform, receiver: Receiver) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_in(yard, *arguments)

    to = f"{receiver.url}/terminal"
    submitted = run("submit", "--name", "told", "--notify", to, "--notify", "mailto:a@example.org", "--", "true")
    assert submitted.returncode == 0, submitted.stderr
    once_told(yard, submitted.stdout.strip(), 2)
    shown = run("notifications", submitted.stdout.strip())
    assert re.search(rf"finished\s+{to}\s+sent\s+1", shown.stdout), shown.stdout
    assert "mailto:a@example.org" in shown.stdout
    refused = run("submit", "--name", "told", "--notify", "https://10.0.0.1/", "--", "true")
    assert refused.returncode == 4 and "inside of a network" in refused.stderr


def test_by_default_no_webhook_reaches_the_inside_of_a_network(receiver: Receiver) -> None:
    with platform(JOBYARD_NOTIFY_MAIL_DOMAINS="example.org") as yard:
        for to in (receiver.url, "http://example.org/", "json://127.0.0.1/", "mailto:eve@elsewhere.org"):
            yard.call("POST", "/jobs", 422, json={"name": "test", "command": "true", "notify": [{"to": to}]})
        job = yard.submit("true", notify=[{"to": f"https://localhost:{receiver.port}/inside"}])
        (only,) = once_told(yard, job, 1)
        assert only["status"] == "failed" and only["tries"] == 1
        assert "localhost is not allowed" in only["last_error"]
        assert receiver.at("/inside") == []
        job = yard.submit("true", notify=[{"to": "mailto:ada@example.org"}])
        (only,) = once_told(yard, job, 1)
        assert (yard.data / "mail" / f"{only['id']}.eml").exists()
        assert (only["status"], only["file"]) == ("sent", f"mail/{only['id']}.eml")
        shown = run_in(yard, "notifications", job).stdout
        assert re.search(rf"written to file\s.*mail/{only['id']}\.eml", shown), shown


def test_a_person_s_mails_beyond_the_hour_s_allowance_are_refused_and_say_why(receiver: Receiver) -> None:
    settings = {"JOBYARD_NOTIFY_MAILS_PER_HOUR": "2", "JOBYARD_NOTIFY_ALLOW_PRIVATE": "127.0.0.0/8"}
    with platform(**settings) as yard:
        to = [{"to": f"mailto:friend-{number}@example.org"} for number in range(4)]
        job = yard.submit("true", notify=[*to, {"to": f"{receiver.url}/beside"}])
        found = once_told(yard, job, 5)
        mails = [one for one in found if one["to"].startswith("mailto:")]
        assert sorted(one["status"] for one in mails) == ["failed", "failed", "sent", "sent"]
        for one in mails:
            assert (one["status"] == "sent") is (yard.data / "mail" / f"{one['id']}.eml").exists()
            if one["status"] == "failed":
                assert one["tries"] == 0 and "JOBYARD_NOTIFY_MAILS_PER_HOUR" in one["last_error"]
        assert len(receiver.at("/beside")) == 1, "webhooks are no mails"
