"""The notify service as processes: its events and dead letters, kill -9 in mid-send, and two replicas at work."""

import json
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from shared.bus import codec
from shared.contracts import subjects
from shared.contracts.commands.changes import KILL, ChangeJob
from shared.contracts.commands.support import REQUEST_SUPPORT
from shared.contracts.errors import Conflict
from shared.contracts.job import Actor
from shared.contracts.notify import RequestSupport
from tests.support.mailserver import MailServer, files_of, text_of
from tests.support.notify_service import NotifyYard, notify_yard
from tests.support.receiver import Receiver
from tests.support.waiting import until

LOCAL = {"JOBYARD_NOTIFY_ALLOW_PRIVATE": "127.0.0.1/32"}


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with MailServer() as server:
        yield server


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as server:
        yield server


Check = Callable[[], Awaitable[bool]]


def has_status(yard: NotifyYard, request: RequestSupport, status: str) -> Check:
    async def check() -> bool:
        return await yard.status(request) == status

    return check


def were_told(yard: NotifyYard, jobs: list[str], status: str = "sent") -> Check:
    async def check() -> bool:
        found = [await yard.told(job) for job in jobs]
        return all(len(told) == 1 and told[0].status.value == status for told in found)

    return check


async def test_a_case_publishes_what_became_of_it_once(tmp_path: Path, mails: MailServer) -> None:
    async with notify_yard(tmp_path, mails.settings()) as yard:
        await yard.start()
        job = await yard.submit()
        request = await yard.ask(job, email="ada@example.org", correlation_id="request-1")
        await until(has_status(yard, request, "sent"), "the mail was sent")
        for fact in ("requested", "sent"):
            found = await yard.last(subjects.EVENTS, f"evt.support.{fact}.v1.default.{job}")
            assert found is not None
            event, headers = json.loads(found[0]), found[1]
            assert event["id"] == headers["Nats-Msg-Id"] == f"{request.case_id}:{fact}"
            assert (event["type"], event["source"]) == (f"io.jobyard.support.{fact}.v1", "/notify")
            assert (event["subject"], event["correlationid"]) == (job, "request-1")
            assert event["data"]["case_id"] == request.case_id and event["data"]["requester"] == "ada"
        assert await yard.count("evt.support.>") == 2
        assert mails.of(request.case_id)[0]["Reply-To"] == "ada@example.org"


async def test_the_same_command_again_makes_no_second_case(tmp_path: Path, mails: MailServer) -> None:
    async with notify_yard(tmp_path, mails.settings()) as yard:
        await yard.start()
        job = await yard.submit()
        request = await yard.ask(job)
        for _ in range(3):
            assert (await yard.bus.ask(REQUEST_SUPPORT, request)).id == request.case_id
        with pytest.raises(Conflict):
            await yard.ask(job, case_id=request.case_id, requester="eve")
        await until(has_status(yard, request, "sent"), "the mail was sent")
        assert len(mails.of(request.case_id)) == 1


async def test_what_nobody_takes_becomes_a_dead_letter(tmp_path: Path, mails: MailServer, receiver: Receiver) -> None:
    mails.always, receiver.always = "554 Never", 500
    environment = mails.settings(JOBYARD_NOTIFY_GIVE_UP_S="0.2", **LOCAL)
    async with notify_yard(tmp_path, environment) as yard:
        await yard.start()
        job = await yard.submit(notify=[{"to": receiver.url, "on": ["submitted"]}])
        request = await yard.ask(job)
        await until(has_status(yard, request, "failed"), "the mail was given up")
        await until(were_told(yard, [job], "failed"), "the webhook was given up")
        case = await yard.last(subjects.DEADLETTERS, f"dead.notify.case.{request.case_id}")
        assert case is not None and json.loads(case[0])["subject"] == "Help"
        assert "Never" in case[1]["Jobyard-Error"]
        told = await yard.last(subjects.DEADLETTERS, f"dead.notify.notification.{job}.1.0")
        assert told is not None and "The webhook answered 500." in told[1]["Jobyard-Error"]

        async def published() -> bool:
            return await yard.last(subjects.EVENTS, f"evt.support.failed.v1.default.{job}") is not None

        await until(published, "SupportFailed was published")


@pytest.mark.parametrize("moment", ["stall", "take and stall"])
async def test_killed_in_mid_send_it_sends_again_with_the_same_message_id(
    tmp_path: Path, mails: MailServer, moment: str
) -> None:
    mails.next.append(moment)
    environment = mails.settings(JOBYARD_NOTIFY_SMTP_TIMEOUT_S="60", JOBYARD_NOTIFY_LEASE_S="3")
    async with notify_yard(tmp_path, environment) as yard:
        notify = await yard.start()
        request = await yard.ask(await yard.submit())
        await until(lambda: mails.tries == 1, "the server has the whole mail and has not answered")
        yard.kill(notify)
        assert len(mails.mails) == (0 if moment == "stall" else 1)
        await yard.start()
        await until(has_status(yard, request, "sent"), "the mail was sent")
        arrived = mails.of(request.case_id)
        assert len(arrived) == (1 if moment == "stall" else 2)
        assert {mail["Message-ID"] for mail in arrived} == {f"<{request.case_id}@example.org>"}
        assert (await yard.case(request)).tries == 2
        assert await yard.count("evt.support.sent.>") == 1


async def test_events_that_came_while_it_was_dead_are_told_when_it_is_back(
    tmp_path: Path, mails: MailServer, receiver: Receiver
) -> None:
    async with notify_yard(tmp_path, mails.settings(**LOCAL)) as yard:
        notify = await yard.start()
        yard.kill(notify)
        job = await yard.submit(notify=[{"to": receiver.url, "on": ["killed"]}])
        await yard.bus.ask(KILL, ChangeJob(id=job, actor=Actor(kind="user", name="ada")))
        await yard.start()
        await until(were_told(yard, [job]), "the webhook was told")
        assert [arrival.event["type"] for arrival in receiver.arrived] == ["io.jobyard.job.killed.v1"]


async def test_an_event_that_is_heard_again_is_told_once(tmp_path: Path, mails: MailServer, receiver: Receiver) -> None:
    async with notify_yard(tmp_path, mails.settings(**LOCAL)) as yard:
        await yard.start()
        job = await yard.submit(notify=[{"to": f"{receiver.url}/first", "on": ["submitted"]}])
        await until(were_told(yard, [job]), "the webhook was told")
        subject = f"evt.job.submitted.v1.default.{job}"
        found = await yard.last(subjects.EVENTS, subject)
        assert found is not None
        event = codec.job_event(subject, found[0])
        await yard.bus.publish_raw(subject, event.model_dump_json().encode(), "another-message-id")
        marker = await yard.submit(notify=[{"to": f"{receiver.url}/second", "on": ["submitted"]}])
        await until(were_told(yard, [marker]), "a later event was told")
        assert len(await yard.told(job)) == 1 and len(receiver.at("/first")) == 1


async def test_two_replicas_share_the_work_and_tell_nobody_twice(
    tmp_path: Path, mails: MailServer, receiver: Receiver
) -> None:
    environment = mails.settings(JOBYARD_NOTIFY_LEASE_S="60", **LOCAL)
    async with notify_yard(tmp_path, environment, mongo=True) as yard:
        await yard.start()
        await yard.start()
        jobs = [await yard.submit(notify=[{"to": receiver.url, "on": ["submitted"]}]) for _ in range(15)]
        requests = [await yard.ask(job) for job in jobs]
        for request in requests:
            await until(has_status(yard, request, "sent"), "the mail was sent")
        await until(were_told(yard, jobs), "every webhook was told")
        assert sorted(mail["Message-ID"] for mail in mails.mails) == sorted(
            f"<{request.case_id}@example.org>" for request in requests
        )
        assert sorted(arrival.headers["webhook-id"] for arrival in receiver.arrived) == sorted(
            f"{job}.1.0" for job in jobs
        )


async def test_a_killed_replica_s_work_is_taken_up_by_the_other(
    tmp_path: Path, mails: MailServer, receiver: Receiver
) -> None:
    environment = mails.settings(JOBYARD_NOTIFY_LEASE_S="3", **LOCAL)
    async with notify_yard(tmp_path, environment, mongo=True) as yard:
        first = await yard.start()
        await yard.start()
        jobs, requests = [], []
        for number in range(12):
            job = await yard.submit(notify=[{"to": receiver.url, "on": ["submitted"]}])
            jobs.append(job)
            requests.append(await yard.ask(job))
            if number == 6:
                yard.kill(first)
        for request in requests:
            await until(has_status(yard, request, "sent"), "the mail was sent")
        await until(were_told(yard, jobs), "every webhook was told")
        assert {mail["Message-ID"] for mail in mails.mails} == {f"<{one.case_id}@example.org>" for one in requests}
        assert {arrival.headers["webhook-id"] for arrival in receiver.arrived} == {f"{job}.1.0" for job in jobs}


async def test_without_an_answer_about_the_console_the_mail_goes_at_last_and_says_so(
    tmp_path: Path, mails: MailServer
) -> None:
    async with notify_yard(tmp_path, mails.settings()) as yard:
        await yard.start()
        job = await yard.submit(env={"TOKEN": "canary-1234"})
        request = await yard.ask(job, message="canary-1234 is in here", include_logs=True)
        await until(has_status(yard, request, "sent"), "the mail was sent")
        assert (await yard.case(request)).tries > 1
        (mail,) = mails.of(request.case_id)
        assert "The console could not be read" in text_of(mail)
        assert set(files_of(mail)) == {f"{job}.yaml", "history.txt"}
        assert "canary-1234" not in text_of(mail) and "*** is in here" in text_of(mail)
