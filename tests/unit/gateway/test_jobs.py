"""The routes of jobs: what is asked of the other services, and what the caller gets to see."""

from pathlib import Path
from typing import Any

import pytest

from services.gateway.domain.batches import COMMAND_BYTES
from services.gateway.readiness import NEEDED
from services.gateway.submission import CHECKS_PER_MINUTE
from shared.contracts.commands.changes import KILL, PAUSE, RESUME, SET_PRIORITY
from shared.contracts.commands.health import AskHealth, Health
from shared.contracts.commands.jobs import EVENTS, GetJobEvents, JobEventPage
from shared.contracts.commands.lists import ListJobs
from shared.contracts.commands.pulls import PULLS, GetPulls, PullOf, Pulls
from shared.contracts.commands.scheduling import (
    EXPLAIN,
    Blocker,
    Blockers,
    Blocking,
    ExplainJobs,
    Explanation,
    Explanations,
)
from shared.contracts.commands.submission import SubmitJobs
from shared.contracts.errors import Conflict
from shared.contracts.events import AnyCloudEvent
from shared.contracts.job import START_REFUSED, Job, JobStatus, Reason, Share
from shared.ids import new_id
from tests.support.gateway import START, Gateway, add_job, gateway

BODY = {"name": "hello", "command": "echo hi"}


async def test_who_sets_what_the_platform_sets_is_told_that_it_will_not_be_seen(yard: Gateway) -> None:
    body = BODY | {"env": {"RANK": "7", "WORLD_SIZE": "99", "OTHER": "1"}}
    [warning] = (await yard.call("POST", "/jobs", json=body)).json()["warnings"]
    assert "RANK, WORLD_SIZE" in warning and "OTHER" not in warning
    assert not (await yard.call("POST", "/jobs", json=BODY)).json()["warnings"]


async def test_a_submission_is_stored_and_answered_whole(yard: Gateway) -> None:
    answer = await yard.call("POST", "/jobs", json=BODY | {"interactive_ports": [8888], "cpus": 1})
    assert answer.status_code == 201
    job = answer.json()
    assert answer.headers["location"] == f"/api/v1/jobs/{job['id']}"
    assert (job["owner"], job["status"], job["actions"]) == ("admin", "queued", ["pause", "kill", "support"])
    assert job["submitted_at"] == "2026-01-01T00:00:00.000Z"
    assert job["reason"]["code"] == "queued"
    names = (
        "id name owner vc image command env data_path work_path job_path checkpoint_path device_type devices nodes "
        "devices_total cpus memory_mib preemptible priority max_duration_s grace_period_s retries labels status reason "
        "submitted_at started_at finished_at exit_code attempt version actions warnings endpoints "
        "interactive_ports notify usage blockers"
    )
    assert set(job) == set(names.split())
    (asked,) = [ask for ask in yard.bus.asked if isinstance(ask, SubmitJobs)]
    assert asked.jobs[0].owner == "admin"
    assert asked.jobs[0].correlation_id == answer.headers["x-request-id"]


async def test_an_idempotency_key_answers_with_the_same_job(yard: Gateway) -> None:
    key = {"Idempotency-Key": "k-1"}
    first = await yard.call("POST", "/jobs", json=BODY, headers=key)
    again = await yard.call(
        "POST",
        "/jobs",
        content=b'{ "command":"echo hi", "name":"hello" }',
        headers=key | {"Content-Type": "application/json"},
    )
    other = await yard.call("POST", "/jobs", json=BODY | {"priority": 1}, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (409, "conflict")


async def test_odd_idempotency_keys(yard: Gateway) -> None:
    for key in ("", "x" * 241, "a b", "ä"):
        answer = await yard.call("POST", "/jobs", json=BODY, headers={"Idempotency-Key": key.encode()})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "Idempotency-Key"


async def test_wrong_bodies_store_nothing(yard: Gateway) -> None:
    for body, status in (
        (BODY | {"owner": "eve"}, 403),
        (BODY | {"vc": "nowhere"}, 422),
        (BODY | {"priority": "high", "zzz": 1}, 422),
        (BODY | {"command": "\x01" * 60_000}, 422),
        ([], 422),
    ):
        answer = await yard.call("POST", "/jobs", json=body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
        assert answer.json()["status"] == status
        assert answer.json()["detail"]
    assert yard.bus.asked == []
    errors = (await yard.call("POST", "/jobs", json=BODY | {"priority": "high", "zzz": 1})).json()["errors"]
    assert {error["field"] for error in errors} == {"priority", "zzz"}


async def test_paths_that_leave_their_roots(yard: Gateway) -> None:
    storage = yard.data / "storage"
    storage.mkdir()
    (storage / "out").symlink_to("/etc")
    (storage / "in").symlink_to(storage)
    for field in ("data_path", "work_path", "job_path", "checkpoint_path"):
        for path in ("/etc", "out", "out/passwd", "../x", "a/%252e%252e/b", "a\0b"):
            answer = await yard.call("POST", "/jobs", json=BODY | {field: path})
            assert answer.status_code == 422, path
            assert [error["field"] for error in answer.json()["errors"]] == [field]
        for path in ("in/new", "new/folder", str(storage / "x")):
            assert (await yard.call("POST", "/jobs", json=BODY | {field: path})).status_code == 201, path


async def test_ones_own_name_may_stand_in_the_body(yard: Gateway) -> None:
    assert (await yard.call("POST", "/jobs", json=BODY | {"owner": "admin"})).status_code == 201


async def test_a_batch_has_an_outcome_for_each_in_order(yard: Gateway) -> None:
    jobs = [BODY, BODY | {"nodes": 65}, {"command": "x"}, BODY | {"name": "last"}, 3, BODY | {"owner": "eve"}]
    answer = await yard.call("POST", "/jobs:submit-batch", json={"jobs": jobs})
    assert answer.status_code == 207
    outcomes = answer.json()["outcomes"]
    assert [outcome["status"] for outcome in outcomes] == [201, 422, 422, 201, 422, 403]
    assert set(outcomes[0]) == {"status", "id"}
    assert set(outcomes[1]) == {"status", "problem"}
    assert outcomes[2]["problem"]["errors"] == [{"field": "name", "message": "is required"}]
    assert yard.bus.jobs[outcomes[3]["id"]].name == "last"
    assert len(yard.bus.jobs) == 2


async def test_a_batch_of_a_thousand_is_divided(yard: Gateway) -> None:
    jobs = [BODY | {"name": f"job-{number}"} for number in range(1000)]
    outcomes = (await yard.call("POST", "/jobs:submit-batch", json={"jobs": jobs})).json()["outcomes"]
    assert [yard.bus.jobs[outcome["id"]].name for outcome in outcomes] == [job["name"] for job in jobs]
    assert len(yard.bus.asked) > 1
    assert all(len(ask.model_dump_json()) <= COMMAND_BYTES for ask in yard.bus.asked)


async def test_batches_that_are_none(yard: Gateway) -> None:
    bodies: tuple[Any, ...] = ({"jobs": []}, {}, {"jobs": [BODY] * 1001}, {"jobs": 1}, [], {"jobs": [BODY], "x": 1})
    for body in bodies:
        assert (await yard.call("POST", "/jobs:submit-batch", json=body)).status_code == 422
    assert yard.bus.asked == []


async def test_a_batch_with_a_key_is_replayed(yard: Gateway) -> None:
    body = {"jobs": [BODY, BODY | {"name": "two"}]}
    key = {"Idempotency-Key": "k"}
    first = await yard.call("POST", "/jobs:submit-batch", json=body, headers=key)
    assert (await yard.call("POST", "/jobs:submit-batch", json=body, headers=key)).json() == first.json()


async def test_nan_in_a_batch_spoils_only_its_own_submission(yard: Gateway) -> None:
    raw = b'{"jobs": [{"name": "a", "command": "b"}, {"name": "a", "command": "b", "cpus": NaN}]}'
    answer = await yard.call("POST", "/jobs:submit-batch", content=raw, headers={"Content-Type": "application/json"})
    assert [outcome["status"] for outcome in answer.json()["outcomes"]] == [201, 422]


@pytest.mark.parametrize("field", ["data_path", "work_path", "job_path", "checkpoint_path"])
async def test_a_path_that_is_too_long_for_a_disk_is_refused_with_its_field_and_the_limit(
    yard: Gateway, field: str
) -> None:
    longest = "/".join(["x" * 100] * 10 + ["yy"])
    assert (await yard.call("POST", "/jobs", json=BODY | {field: longest})).status_code == 201
    refused = (
        (longest + "y", "takes 1013 bytes, above 1012; use a shorter path"),
        ("ä/" * 338, "takes 1014 bytes, above 1012; use a shorter path"),
        ("a/" + "x" * 256, "holds a name of 256 bytes, above 255; use shorter names"),
    )
    for path, why in refused:
        body, stored = BODY | {field: path}, len(yard.bus.jobs)
        single = (await yard.call("POST", "/jobs", json=body)).json()
        batch = (await yard.call("POST", "/jobs:submit-batch", json={"jobs": [body]})).json()
        for problem in (single, batch["outcomes"][0]["problem"]):
            assert problem["status"] == 422
            assert problem["errors"] == [{"field": field, "message": why}]
            assert problem["detail"] == f"{field}: {why}."
        assert len(yard.bus.jobs) == stored


async def test_a_flood_of_one_user_does_not_touch_another(tmp_path: Path) -> None:
    async with gateway(tmp_path, submissions_per_minute=3) as yard:
        await yard.add_account("ada")
        statuses = [(await yard.call("POST", "/jobs", json=BODY)).status_code for _ in range(4)]
        assert statuses == [201, 201, 201, 429]
        assert (await yard.call("POST", "/jobs", "ada", json=BODY)).status_code == 201
        yard.clock.advance(60)
        assert (await yard.call("POST", "/jobs", json=BODY)).status_code == 201


async def test_checking_a_submission_uses_up_nothing_of_the_limit_and_has_one_of_its_own(tmp_path: Path) -> None:
    async with gateway(tmp_path, submissions_per_minute=1) as yard:
        half = {"name": "hello"}
        checks = [(await yard.call("POST", "/jobs:validate", json=half)).status_code for _ in range(CHECKS_PER_MINUTE)]
        assert set(checks) == {422}
        assert (await yard.call("POST", "/jobs:validate", json=half)).status_code == 429
        assert (await yard.call("POST", "/jobs", json=BODY)).status_code == 201


async def test_a_batch_counts_as_many_times_as_it_is_long_against_the_limit(tmp_path: Path) -> None:
    async with gateway(tmp_path, submissions_per_minute=3) as yard:
        sizes = (4, 2, 2, 1)
        answers = [await yard.call("POST", "/jobs:submit-batch", json={"jobs": [BODY] * size}) for size in sizes]
        assert [answer.status_code for answer in answers] == [422, 207, 429, 207]
        assert answers[0].json()["errors"][0]["message"].startswith("holds 4, and a user may submit 3 jobs")
        assert len(yard.bus.jobs) == 3
        yard.clock.advance(60)
        assert (await yard.call("POST", "/jobs:submit-batch", json={"jobs": [BODY] * 3})).status_code == 207


async def test_a_page_is_filled_from_as_many_answers_as_it_takes(yard: Gateway) -> None:
    jobs = [add_job(yard) for _ in range(8)]
    add_job(yard, owner="ada")
    page = (await yard.call("GET", "/jobs?limit=7")).json()
    assert [item["id"] for item in page["items"]] == [job.id for job in reversed(jobs)][:7]
    assert (page["total"], page["total_is"]) == (8, "exact")
    asked = [ask for ask in yard.bus.asked if isinstance(ask, ListJobs)]
    assert [(ask.limit, ask.with_total) for ask in asked] == [(7, True), (4, False), (1, False)]
    last = (await yard.call("GET", f"/jobs?limit=7&cursor={page['next_cursor']}")).json()
    assert [item["id"] for item in last["items"]] == [jobs[0].id]
    assert last["next_cursor"] is None


async def test_a_page_before_another_is_filled_backwards_and_leads_on_in_both_directions(yard: Gateway) -> None:
    ids = [job.id for job in reversed([add_job(yard) for _ in range(12)])]
    page = (await yard.call("GET", "/jobs?limit=10&cursor=11")).json()
    assert [item["id"] for item in page["items"]] == ids[11:]
    before = (await yard.call("GET", f"/jobs?limit=7&cursor={page['prev_cursor']}")).json()
    assert [item["id"] for item in before["items"]] == ids[4:11]
    assert (before["next_cursor"], before["prev_cursor"], before["total"]) == ("11", "<4", 12)
    first = (await yard.call("GET", f"/jobs?limit=7&cursor={before['prev_cursor']}")).json()
    assert [item["id"] for item in first["items"]] == ids[:4]
    assert (first["next_cursor"], first["prev_cursor"]) == ("4", None)


async def test_before_a_page_from_which_all_earlier_jobs_have_gone_stands_the_first_page(yard: Gateway) -> None:
    ids = [job.id for job in reversed([add_job(yard) for _ in range(2)])]
    page = (await yard.call("GET", "/jobs?cursor=<0")).json()
    assert [item["id"] for item in page["items"]] == ids
    assert (page["next_cursor"], page["prev_cursor"]) == (None, None)


async def test_waiting_jobs_say_why_in_one_question_for_the_page(yard: Gateway) -> None:
    first, second = add_job(yard), add_job(yard)
    add_job(yard, status=JobStatus.RUNNING)

    def explain(ask: ExplainJobs) -> Explanations:
        assert set(ask.ids) == {first.id, second.id}
        return Explanations(items=(Explanation(id=first.id, reason=Reason(code="devices", message="Waits.")),))

    yard.bus.answers[EXPLAIN.subject] = explain
    items = {item["id"]: item for item in (await yard.call("GET", "/jobs")).json()["items"]}
    assert items[first.id]["reason"] == {"code": "devices", "message": "Waits.", "details": {}}
    assert items[second.id]["reason"]["code"] == "queued"
    assert sum(isinstance(ask, ExplainJobs) for ask in yard.bus.asked) == 1


async def test_why_a_start_was_refused_is_shown_to_those_alone_who_may_see_what_is_started(yard: Gateway) -> None:
    job = add_job(yard, owner="ada")
    await yard.add_account("ada")
    await yard.add_account("bob")
    await yard.call("PATCH", "/vcs/default", json={"open": False})
    reason = Reason(code=START_REFUSED, message="No image of the quota.", details={"why": "No image of the quota."})
    yard.bus.answers[EXPLAIN.subject] = lambda ask: Explanations(items=(Explanation(id=job.id, reason=reason),))
    shown = (await yard.call("GET", f"/jobs/{job.id}", "ada")).json()["reason"]
    assert shown == reason.model_dump(mode="json")
    kept = (await yard.call("GET", f"/jobs/{job.id}", "bob")).json()["reason"]
    assert kept["code"] == START_REFUSED
    assert "quota" not in str(kept)


async def test_who_is_in_the_way_is_asked_for_one_job_alone_and_told_as_far_as_the_caller_may_know(
    yard: Gateway,
) -> None:
    job = add_job(yard, owner="ada")
    await yard.add_account("ada")
    size: dict[str, Any] = {"state": Blocking.LEAVES, "device_type": "v100", "devices": 4, "cpus": 1.0, "memory_mib": 0}
    own, foreign = (Blocker(id=new_id(), name="n", owner="bob", vc=vc, **size) for vc in ("default", "secret"))

    def explain(ask: ExplainJobs) -> Explanations:
        found = Blockers(jobs=(own, foreign), more=2) if ask.blockers_of == job.id else None
        reason = Reason(code="making_room", message="Waits.")
        return Explanations(items=tuple(Explanation(id=id, reason=reason, blockers=found) for id in ask.ids))

    yard.bus.answers[EXPLAIN.subject] = explain
    (row,) = (await yard.call("GET", "/jobs", "ada")).json()["items"]
    assert row["blockers"] is None
    shown = (await yard.call("GET", f"/jobs/{job.id}", "ada")).json()["blockers"]
    assert shown["more"] == 2
    assert [(one["id"], one["vc"], one["devices"]) for one in shown["jobs"]] == [
        (own.id, "default", 4),
        (None, None, 4),
    ]
    assert str(foreign.id) not in str(shown)
    whole = (await yard.call("GET", f"/jobs/{job.id}")).json()["blockers"]
    assert [one["id"] for one in whole["jobs"]] == [own.id, foreign.id]


async def test_without_the_scheduler_the_stored_reason_is_shown(yard: Gateway) -> None:
    job = add_job(yard, reason=Reason(code="retry", message="Queued again."))
    assert (await yard.call("GET", f"/jobs/{job.id}")).json()["reason"]["code"] == "retry"


ODD_IDS = [
    "*",
    ">",
    "a.b",
    "01jd8f2m5v7q0r3s6t9w2x4y8z",
    "8" * 26,
    "x" * 26,
    "0" * 25,
    "0" * 27,
    "%00",
    "..%2e",
    "0" * 26 + "%0a",
]


async def test_ids_that_are_none_are_never_asked_for(yard: Gateway) -> None:
    rest = (
        ("GET", ""),
        ("PATCH", ""),
        ("POST", "/kill"),
        ("GET", "/logs"),
        ("GET", "/logs/follow"),
        ("GET", "/events"),
    )
    for job_id in ODD_IDS:
        for method, path in rest:
            answer = await yard.call(method, f"/jobs/{job_id}{path}")
            assert answer.status_code == 422, (method, job_id, path)
            assert answer.json()["errors"][0]["field"] == "job_id"
    assert yard.bus.asked == []


async def test_what_others_see_and_do_not(yard: Gateway) -> None:
    await yard.add_account("ada", ("default",))
    await yard.add_account("eve", ("other",))
    mine, foreign = add_job(yard), add_job(yard, vc="secret")
    unknown = new_id()
    missing = await yard.call("GET", f"/jobs/{unknown}", "ada")
    seen = await yard.call("GET", f"/jobs/{mine.id}", "ada")
    assert (seen.status_code, seen.json()["env"], seen.json()["actions"]) == (200, {"TOKEN": "***"}, [])
    assert (await yard.call("GET", f"/jobs/{mine.id}")).json()["env"] == {"TOKEN": "secret"}
    for method, rest in (
        ("POST", "/pause"),
        ("POST", "/resume"),
        ("POST", "/kill"),
        ("GET", "/logs"),
        ("GET", "/logs/follow"),
        ("GET", "/logs/download"),
    ):
        if method == "POST":
            assert (await yard.call(method, f"/jobs/{mine.id}{rest}", "ada")).status_code == 403, rest
        for who, job in (("ada", foreign), ("eve", mine)):
            assert (await yard.call(method, f"/jobs/{job.id}{rest}", who)).status_code == 404, rest
    assert (await yard.call("PATCH", f"/jobs/{mine.id}", "ada", json={"priority": 1})).status_code == 403
    for who, job in (("ada", foreign), ("eve", mine)):
        for rest in ("", "/events"):
            hidden = await yard.call("GET", f"/jobs/{job.id}{rest}", who)
            assert hidden.status_code == 404
            assert hidden.json()["detail"] == missing.json()["detail"].replace(unknown, job.id)


async def test_changes_carry_who_made_them(yard: Gateway) -> None:
    job = add_job(yard, status=JobStatus.RUNNING)
    for command, rest in ((PAUSE, "pause"), (RESUME, "resume"), (KILL, "kill")):
        yard.bus.answers[command.subject] = lambda ask: yard.bus.jobs[ask.id]
        answer = await yard.call("POST", f"/jobs/{job.id}/{rest}")
        assert (answer.status_code, answer.json()["id"]) == (202, job.id)
        asked = yard.bus.asked[-1]
        assert (asked.actor.kind, asked.actor.name) == ("user", "admin")
        assert asked.correlation_id == answer.headers["x-request-id"]


async def test_a_refusal_of_the_jobs_service_is_the_answer(yard: Gateway) -> None:
    job = add_job(yard, status=JobStatus.FINISHED)

    def refuse(ask: object) -> Job:
        raise Conflict("The job is finished and can't be paused.")

    yard.bus.answers[PAUSE.subject] = refuse
    answer = await yard.call("POST", f"/jobs/{job.id}/pause")
    assert (answer.status_code, answer.json()["detail"]) == (409, "The job is finished and can't be paused.")


async def test_priorities(yard: Gateway) -> None:
    job = add_job(yard)
    yard.bus.answers[SET_PRIORITY.subject] = lambda ask: yard.bus.jobs[ask.id].model_copy(
        update={"priority": ask.priority}
    )
    answer = await yard.call("PATCH", f"/jobs/{job.id}", json={"priority": 900})
    assert (answer.status_code, answer.json()["priority"]) == (200, 900)
    bodies: tuple[Any, ...] = (
        {},
        {"priority": 0},
        {"priority": 1001},
        {"priority": True},
        {"priority": 1, "name": "x"},
        [],
    )
    for wrong in bodies:
        assert (await yard.call("PATCH", f"/jobs/{job.id}", json=wrong)).status_code == 422


def event(job: Job, version: int, fact: str, **data: Any) -> AnyCloudEvent:
    return AnyCloudEvent(
        id=f"{job.id}:{version}",
        type=f"io.jobyard.job.{fact}.v1",
        source="/jobs",
        subject=job.id,
        time=START,
        jobversion=version,
        data={"job": {"id": job.id, "owner": job.owner, "vc": job.vc}, **data},
    )


async def test_the_events_of_a_job_are_paged_until_complete_and_hide_what_is_secret(yard: Gateway) -> None:
    await yard.add_account("ada")
    job = add_job(yard)
    events = [event(job, 1, "submitted"), event(job, 2, "scheduled", launch={"command": "x", "env": {"A": "secret"}})]

    def page(ask: GetJobEvents) -> JobEventPage:
        later = [item for item in events if (item.jobversion or 0) > ask.after_version]
        return JobEventPage(items=tuple(later[:1]), more=len(later) > 1)

    yard.bus.answers[EVENTS.subject] = page
    items = (await yard.call("GET", f"/jobs/{job.id}/events")).json()["items"]
    assert [(item["jobversion"], item["specversion"]) for item in items] == [(1, "1.0"), (2, "1.0")]
    assert items[1]["data"]["launch"]["env"] == {"A": "secret"}
    seen = (await yard.call("GET", f"/jobs/{job.id}/events", "ada")).json()["items"]
    assert seen[1]["data"]["launch"] == {"command": "x", "env": {"A": "***"}}


def healthy(ask: AskHealth) -> Health:
    return Health(service="any", ready=True)


async def test_readiness_names_the_part_that_is_missing(yard: Gateway) -> None:
    answer = await yard.http.get("/readyz")
    assert answer.status_code == 503
    assert not answer.json()["services"]["jobs"]["ready"]
    for service in NEEDED:
        yard.bus.answers[f"cmd.{service}.health.v1"] = healthy
    yard.bus.answers["cmd.logs.health.v1"] = lambda ask: Health(service="logs", ready=False, message="starting")
    answer = await yard.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["services"]["logs"] == {"ready": False, "message": "starting"}
    yard.bus.answers["cmd.logs.health.v1"] = healthy
    assert (await yard.http.get("/readyz")).json()["ready"] is True


# --- starting


async def test_a_starting_job_says_how_far_its_image_is_as_its_executor_says_it(yard: Gateway) -> None:
    starting = Reason(code="starting", message="Node n1 is starting attempt 1.")
    placed: dict[str, Any] = {
        "status": JobStatus.SCHEDULING,
        "attempt": 1,
        "placement": (Share(node="n1", executor="cluster"),),
    }
    job = add_job(yard, reason=starting, **placed)
    asked: list[GetPulls] = []
    pull = Reason(code="pulling_image", message="Node n1 is pulling the image x:1: 3 of 7 layers, 1.2 of 4.0 GiB.")

    def answer(ask: GetPulls) -> Pulls:
        asked.append(ask)
        return Pulls(items=tuple(PullOf(job_id=run.job_id, attempt=run.attempt, reason=pull) for run in ask.runs))

    assert (await yard.call("GET", f"/jobs/{job.id}")).json()["reason"]["code"] == "starting", "nobody answers"
    yard.clock.advance(2)
    yard.bus.answers[PULLS.at("cluster").subject] = answer
    for _ in range(3):
        assert (await yard.call("GET", f"/jobs/{job.id}")).json()["reason"] == pull.model_dump()
    assert len(asked) == 1, "once a second, however many look"
    listed = (await yard.call("GET", "/jobs")).json()["items"]
    assert [item["reason"]["code"] for item in listed] == ["starting"]
    yard.bus.jobs[job.id] = job.model_copy(update={"status": JobStatus.RUNNING, "reason": None})
    assert (await yard.call("GET", f"/jobs/{job.id}")).json()["reason"] is None


@pytest.mark.parametrize("field", ["job_path", "work_path", "data_path", "checkpoint_path"])
@pytest.mark.parametrize("path", [".", "jobs", "jobs/."])
async def test_nobody_gets_everybodys_files_and_nothing_of_that_is_stored(yard: Gateway, field: str, path: str) -> None:
    (yard.data / "storage" / "jobs").mkdir(parents=True)
    answer = await yard.call("POST", "/jobs", json=BODY | {field: path})
    assert answer.status_code == 422
    assert "everybody's files" in answer.json()["detail"]
    assert answer.json()["errors"][0]["field"] == field
    assert yard.bus.jobs == {}
