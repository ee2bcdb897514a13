"""The client: what it sends, what it repeats and what it does not, and how errors reach the caller."""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from jobyard import (
    Client,
    Conflict,
    Forbidden,
    Invalid,
    JobFilter,
    JobRequest,
    JobStatus,
    JobyardError,
    NotFound,
    NotJobyard,
    TooMany,
    Unauthorized,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from tests.support.api_answers import JOB_ID, OTHER_ID, finished, job, line, page
from tests.support.scripted_server import BREAK, Answer, ScriptedServer, problem

Connect = Callable[..., Client]
JOBS = "/api/v1/jobs"
JOB = f"{JOBS}/{JOB_ID}"


def test_submit_sends_only_what_was_given(server: ScriptedServer, client: Client) -> None:
    server.on("POST", JOBS, Answer(201, job()))
    made = client.submit(JobRequest(name="hello", command=["echo", "hi"]), priority=5)
    assert (made.id, made.status, made.submitted_at.isoformat()) == (
        JOB_ID,
        JobStatus.QUEUED,
        "2026-11-23T23:12:50.123000+00:00",
    )
    asked = server.asked[0]
    assert asked.body == {"name": "hello", "command": ["echo", "hi"], "priority": 5}
    assert asked.headers["authorization"] == "Bearer token"
    assert asked.headers["content-type"] == "application/json"


@pytest.mark.parametrize("trouble", [BREAK, problem(503, "later"), problem(429, "later"), problem(502, "no")])
def test_a_submission_is_repeated_with_the_same_key(server: ScriptedServer, client: Client, trouble: Answer) -> None:
    server.on("POST", JOBS, trouble, trouble, Answer(201, job()))
    assert client.submit(name="hello", command="echo hi").id == JOB_ID
    keys = {asked.headers["idempotency-key"] for asked in server.asked}
    assert len(server.asked) == 3
    assert len(keys) == 1


def test_two_submissions_have_two_keys(server: ScriptedServer, client: Client) -> None:
    server.on("POST", JOBS, Answer(201, job()))
    client.submit(name="hello", command="echo hi")
    client.submit(name="hello", command="echo hi")
    client.submit(name="hello", command="echo hi", idempotency_key="mine")
    keys = [asked.headers["idempotency-key"] for asked in server.asked]
    assert len(set(keys)) == 3
    assert keys[2] == "mine"


def test_a_batch_is_repeated_with_the_same_key(server: ScriptedServer, client: Client) -> None:
    server.on("POST", f"{JOBS}:submit-batch", BREAK, Answer(207, {"outcomes": [{"status": 201, "id": JOB_ID}]}))
    assert client.submit_batch([{"name": "hello", "command": "echo hi"}])[0].id == JOB_ID
    assert len({asked.headers["idempotency-key"] for asked in server.asked}) == 1


def test_a_batch_answers_in_order(server: ScriptedServer, client: Client) -> None:
    refused = problem(422, "name is wrong", errors=[{"field": "name", "message": "is wrong"}]).body
    outcomes = [{"status": 201, "id": JOB_ID}, {"status": 422, "problem": refused}]
    server.on("POST", f"{JOBS}:submit-batch", Answer(207, {"outcomes": outcomes}))
    first, second = client.submit_batch([{"name": "a", "command": "b"}, JobRequest(name="?", command="c")])
    assert first.id == JOB_ID
    assert second.problem is not None
    assert second.problem.detail == "name is wrong"
    assert server.asked[0].body == {"jobs": [{"name": "a", "command": "b"}, {"name": "?", "command": "c"}]}


def test_many_jobs_are_changed_by_ids_or_by_a_filter(server: ScriptedServer, client: Client) -> None:
    outcome = {"status": 202, "id": JOB_ID}
    server.on("POST", f"{JOBS}:batch", BREAK, Answer(207, {"outcomes": [outcome], "matched": 1, "next_cursor": "c"}))
    changes = client.change_many("kill", [JOB_ID])
    assert (changes.outcomes[0].id, changes.matched, changes.next_cursor) == (JOB_ID, 1, "c")
    client.change_many("priority", filter=JobFilter(q="tr", label={"a": "b"}), priority=5, cursor="c", dry_run=True)
    assert server.asked[1].body == {"action": "kill", "ids": [JOB_ID]}
    chosen = {"q": "tr", "label": {"a": "b"}}
    assert server.asked[2].body == {
        "action": "priority",
        "filter": chosen,
        "priority": 5,
        "cursor": "c",
        "dry_run": True,
    }


def test_many_resumes_are_not_repeated_when_their_answer_was_lost(server: ScriptedServer, client: Client) -> None:
    server.on("POST", f"{JOBS}:batch", BREAK)
    with pytest.raises(Unreachable):
        client.change_many("resume", [JOB_ID])
    assert len(server.asked) == 1


def test_a_resume_is_not_repeated_when_its_answer_was_lost(server: ScriptedServer, client: Client) -> None:
    server.on("POST", f"{JOB}/resume", BREAK)
    with pytest.raises(Unreachable):
        client.resume(JOB_ID)
    assert len(server.asked) == 1


@pytest.mark.parametrize("action", ["pause", "kill"])
def test_what_may_be_said_twice_is_repeated(server: ScriptedServer, client: Client, action: str) -> None:
    server.on("POST", f"{JOB}/{action}", BREAK, Answer(202, job(status="killing")))
    assert getattr(client, action)(JOB_ID).status == "killing"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, Invalid),
        (422, Invalid),
        (500, JobyardError),
    ],
)
def test_a_problem_becomes_its_exception(
    server: ScriptedServer, status: int, kind: type[JobyardError], connect: Connect
) -> None:
    fields = [{"field": "priority", "message": "must be at most 1000"}]
    server.on("GET", JOB, problem(status, "This is the sentence.", errors=fields))
    with pytest.raises(kind, match=r"This is the sentence\.") as caught:
        connect(server.url, "token").get(JOB_ID)
    assert type(caught.value) is kind
    assert caught.value.status == status
    assert len(server.asked) == 1
    if kind is Invalid:
        assert str(caught.value.errors[0]) == "priority: must be at most 1000"


@pytest.mark.parametrize(("status", "kind"), [(429, TooMany), (503, Unavailable)])
def test_later_is_given_up_in_the_end(
    server: ScriptedServer, status: int, kind: type[JobyardError], connect: Connect
) -> None:
    server.on("GET", JOB, problem(status, "Later."))
    with pytest.raises(kind, match="Later"):
        connect(server.url, "token", retry_for=0.3).get(JOB_ID)
    assert len(server.asked) > 1


def test_a_retry_after_that_is_too_far_away_ends_it_at_once(server: ScriptedServer, connect: Connect) -> None:
    later = problem(429, "Later.")
    server.on("GET", JOB, Answer(429, later.body, {**later.headers, "Retry-After": "3600"}))
    with pytest.raises(TooMany):
        connect(server.url, "token").get(JOB_ID)
    assert len(server.asked) == 1


@pytest.mark.parametrize("answer", [Answer(200, "<html>a router</html>"), Answer(404, "<html>nothing</html>")])
def test_something_else_answers(server: ScriptedServer, client: Client, answer: Answer) -> None:
    server.on("GET", JOB, answer)
    with pytest.raises(NotJobyard, match="check the address"):
        client.get(JOB_ID)


def test_nothing_answers_says_what_to_do(connect: Connect) -> None:
    with pytest.raises(Unreachable, match=r"Is the yard running\? Start it with `jobyard up`\."):
        connect("http://127.0.0.1:1", "token", retry_for=0).get(JOB_ID)


def test_what_json_cannot_carry_is_refused_here(server: ScriptedServer, client: Client) -> None:
    with pytest.raises(Invalid, match="not finite"):
        client.submit(name="hello", command="echo hi", cpus=float("nan"))
    with pytest.raises(Invalid, match="UTF-8"):
        client.submit(name="hello", command="echo \udc80")
    assert server.asked == []


def test_jobs_come_page_by_page(server: ScriptedServer, client: Client) -> None:
    server.on("GET", JOBS, page(job(), total=2, cursor="next"), page(job(id=OTHER_ID), total=2))
    found = list(client.jobs(status=["queued", JobStatus.RUNNING], page_size=1))
    assert [each.id for each in found] == [JOB_ID, OTHER_ID]
    assert server.asked[0].query == {"scope": "mine", "status": "queued,running", "limit": "1"}
    assert server.asked[1].query["cursor"] == "next"


def test_everybodys_jobs_with_conditions(server: ScriptedServer, client: Client) -> None:
    server.on("GET", JOBS, page(job(), total=2, cursor="next"), page(job(id=OTHER_ID), total=2))
    after = datetime(2026, 11, 23, 10, tzinfo=timezone(timedelta(hours=1)))
    found = list(client.jobs(scope="all", labels={"team": "a"}, submitted_after=after, preemptible=True, sort="name"))
    assert [each.id for each in found] == [JOB_ID, OTHER_ID]
    conditions = {
        "scope": "all",
        "label": "team=a",
        "submitted_after": "2026-11-23T09:00:00Z",
        "preemptible": "true",
        "sort": "name",
        "limit": "100",
    }
    assert [asked.query for asked in server.asked] == [conditions, conditions | {"cursor": "next"}]


def test_unknown_fields_of_a_newer_platform_are_no_trouble(server: ScriptedServer, client: Client) -> None:
    server.on("GET", JOB, Answer(body=job(invented_later={"a": 1})))
    assert client.get(JOB_ID).name == "hello"


def test_an_id_is_one_piece_of_the_path(server: ScriptedServer, client: Client) -> None:
    with pytest.raises(NotFound):
        client.get("a/../b?c")
    assert server.asked[0].path == "/api/v1/jobs/a%2F..%2Fb%3Fc"


def test_wait_tells_of_every_change_and_ends_with_the_job(server: ScriptedServer, client: Client) -> None:
    running = job(status="running", version=3, attempt=1)
    server.on("GET", JOB, *(Answer(body=body) for body in (job(), job(), running, running, finished())))
    seen: list[str] = []
    assert client.wait(JOB_ID, on_change=lambda each: seen.append(each.status)).status == "finished"
    assert seen == ["queued", "running", "finished"]


def test_wait_for_a_status_that_will_not_come_ends_with_the_job(server: ScriptedServer, client: Client) -> None:
    server.on("GET", JOB, Answer(body=finished()))
    assert client.wait(JOB_ID, until=["paused"], timeout=5).status == "finished"


def test_wait_gives_up(server: ScriptedServer, client: Client) -> None:
    server.on("GET", JOB, Answer(body=job()))
    with pytest.raises(WaitTimeout, match="still queued"):
        client.wait(JOB_ID, timeout=0.1)


def test_logs_and_download(server: ScriptedServer, client: Client) -> None:
    server.on("GET", f"{JOB}/logs", Answer(body={"lines": [line(1, "a")], "gaps": []}))
    server.on("GET", f"{JOB}/logs/download", Answer(body="a\nb\n", headers={"Content-Type": "text/plain"}))
    assert [each.text for each in client.logs(JOB_ID, tail=5).lines] == ["a"]
    assert server.asked[0].query == {"tail": "5"}
    assert b"".join(client.download_log(JOB_ID)) == b"a\nb\n"
    assert b"".join(client.download_log(JOB_ID, attempt=1)) == b"a\nb\n"
    assert [asked.query for asked in server.asked[1:]] == [{}, {"attempt": "1"}]
