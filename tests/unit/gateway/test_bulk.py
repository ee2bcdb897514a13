"""Many jobs in one call: whose they are, what the policy allows, what a filter means, and what is asked of others."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from services.gateway.audited import BY_ITSELF
from services.gateway.domain.access import Role
from shared.contracts.commands.changes import (
    CHANGE,
    KILL,
    MANY,
    OWNERS,
    RESUME,
    Changed,
    ChangeJobs,
    ChangeOutcomes,
    GetOwners,
    JobAction,
    JobOwner,
    JobOwners,
)
from shared.contracts.commands.lists import ListJobs
from shared.contracts.commands.submission import NewJob
from shared.contracts.errors import Conflict
from shared.contracts.job import Job, JobRequest, JobStatus
from shared.ids import new_id
from tests.support.gateway import START, Gateway, gateway, stored_job


@pytest.fixture
async def bulk(tmp_path: Path) -> AsyncGenerator[Gateway, None]:
    """With jobs of ada and bob in the VC `default`, of eve in `other`; `default` allows priorities up to 200."""
    async with gateway(tmp_path) as yard:
        await yard.people.vcs.update("default", {"max_priority": 200}, BY_ITSELF)
        for name, vcs in (("ada", ("default",)), ("bob", ("default",)), ("eve", ("other",))):
            await yard.add_account(name, vcs)

        def owners(ask: GetOwners) -> JobOwners:
            found = [yard.bus.jobs[id] for id in ask.ids if id in yard.bus.jobs]
            return JobOwners(items=tuple(JobOwner(id=job.id, owner=job.owner, vc=job.vc) for job in found))

        def change(ask: ChangeJobs) -> ChangeOutcomes:
            over = Conflict("A job that is finished cannot be killed.").body()
            return ChangeOutcomes(
                outcomes=tuple(
                    Changed(id=id, refusal=over if yard.bus.jobs[id].status is JobStatus.FINISHED else None)
                    for id in ask.ids
                )
            )

        yard.bus.answers |= {OWNERS.subject: owners, CHANGE.subject: change}
        yield yard


def add(yard: Gateway, owner: str, vc: str = "default", status: JobStatus = JobStatus.QUEUED, **request: Any) -> Job:
    made = JobRequest(**({"name": "train", "command": "true", "vc": vc} | request))
    job = stored_job(NewJob(id=new_id(), owner=owner, request=made), status=status)
    yard.bus.jobs[job.id] = job
    return job


async def batch(yard: Gateway, who: str, **body: Any) -> Any:
    answer = await yard.call("POST", "/jobs:batch", who, json=body)
    assert answer.status_code == 207, answer.text
    return answer.json()


def statuses(answer: Any) -> list[int]:
    return [outcome["status"] for outcome in answer["outcomes"]]


def changes(yard: Gateway) -> list[ChangeJobs]:
    return [ask for ask in yard.bus.asked if isinstance(ask, ChangeJobs)]


async def test_only_what_the_caller_may_change_is_asked_for_and_the_rest_is_refused_by_its_kind(bulk: Gateway) -> None:
    mine, over = add(bulk, "ada"), add(bulk, "ada", status=JobStatus.FINISHED)
    bobs, eves, unknown = add(bulk, "bob"), add(bulk, "eve", "other"), new_id()
    ids = [eves.id, mine.id, bobs.id, unknown, over.id]
    answer = await batch(bulk, "ada", action="kill", ids=ids)
    assert statuses(answer) == [404, 202, 403, 404, 409]
    assert [outcome["id"] for outcome in answer["outcomes"]] == ids
    foreign, missing = answer["outcomes"][0]["problem"], answer["outcomes"][3]["problem"]
    assert foreign["detail"].replace(eves.id, "") == missing["detail"].replace(unknown, "")
    (asked,) = changes(bulk)
    assert asked.ids == (mine.id, over.id)
    assert (asked.actor.name, asked.action) == ("ada", JobAction.KILL)
    assert statuses(await batch(bulk, "admin", action="kill", ids=[mine.id, bobs.id, eves.id])) == [202, 202, 202]


async def test_where_nothing_is_allowed_nothing_is_asked(bulk: Gateway) -> None:
    answer = await batch(bulk, "eve", action="kill", ids=[add(bulk, "ada").id])
    assert statuses(answer) == [404]
    assert changes(bulk) == []


@pytest.mark.parametrize(("action", "status"), [("kill", 202), ("pause", 403), ("resume", 403), ("priority", 403)])
async def test_whoever_has_left_a_vc_may_kill_the_own_jobs_there_and_nothing_else(
    bulk: Gateway, action: str, status: int
) -> None:
    left = add(bulk, "ada", "other", status=JobStatus.PAUSED if action == "resume" else JobStatus.QUEUED)
    more = {"priority": 5} if action == "priority" else {}
    assert statuses(await batch(bulk, "ada", action=action, ids=[left.id], **more)) == [status]
    meant = await batch(bulk, "ada", action=action, filter={}, **more)
    assert [outcome["id"] for outcome in meant["outcomes"]] == ([left.id] if status == 202 else [])
    if action == "priority":
        alone = await bulk.call("PATCH", f"/jobs/{left.id}", "ada", json=more)
    else:
        bulk.bus.answers |= {command.subject: lambda ask: left for command in (KILL, RESUME)}
        alone = await bulk.call("POST", f"/jobs/{left.id}/{action}", "ada")
    assert alone.status_code == status


async def test_a_priority_above_the_vc_s_is_refused_for_its_jobs_alone_and_not_to_platform_administrators(
    bulk: Gateway,
) -> None:
    await bulk.accounts.update("ada", BY_ITSELF, {}, {"other": Role.MEMBER})
    bound, free = add(bulk, "ada"), add(bulk, "ada", "other")
    answer = await batch(bulk, "ada", action="priority", priority=201, ids=[bound.id, free.id])
    assert statuses(answer) == [422, 200]
    assert answer["outcomes"][0]["problem"]["errors"][0]["field"] == "priority"
    assert [ask.ids for ask in changes(bulk)] == [(free.id,)]
    assert statuses(await batch(bulk, "ada", action="priority", priority=200, ids=[bound.id])) == [200]
    assert statuses(await batch(bulk, "admin", action="priority", priority=900, ids=[bound.id])) == [200]


async def test_a_single_change_and_a_submission_are_held_to_the_same_priority(bulk: Gateway) -> None:
    job = add(bulk, "ada")
    patched = await bulk.call("PATCH", f"/jobs/{job.id}", "ada", json={"priority": 201})
    assert (patched.status_code, patched.json()["errors"][0]["field"]) == (422, "priority")
    body = {"name": "j", "command": "true", "priority": 201}
    submitted = await bulk.call("POST", "/jobs", "ada", json=body)
    assert (submitted.status_code, submitted.json()["errors"][0]["field"]) == (422, "priority")
    assert len(bulk.bus.jobs) == 1
    listed = await bulk.call("POST", "/jobs:submit-batch", "ada", json={"jobs": [body, body | {"priority": 200}]})
    assert [outcome["status"] for outcome in listed.json()["outcomes"]] == [422, 201]
    assert (await bulk.call("POST", "/jobs", json=body)).status_code == 201


async def test_a_filter_means_the_callers_own_jobs_unless_it_says_otherwise(bulk: Gateway) -> None:
    mine, bobs = add(bulk, "ada"), add(bulk, "bob")
    add(bulk, "eve", "other")
    own = await batch(bulk, "ada", action="kill", filter={})
    assert [outcome["id"] for outcome in own["outcomes"]] == [mine.id]
    assert (await batch(bulk, "ada", action="kill", filter={"owner": "bob"}))["matched"] == 0
    assert (await batch(bulk, "ada", action="kill", filter={"owner": "bob", "scope": "mine"}))["matched"] == 0
    assert (await batch(bulk, "admin", action="kill", filter={}))["matched"] == 0
    his = await batch(bulk, "admin", action="kill", filter={"owner": "bob"})
    assert [outcome["id"] for outcome in his["outcomes"]] == [bobs.id]
    assert (await batch(bulk, "admin", action="kill", filter={"scope": "all"}))["matched"] == 3
    assert (await batch(bulk, "ada", action="kill", filter={"scope": "all"}))["matched"] == 1


@pytest.mark.parametrize(
    ("who", "chosen", "looked_in"),
    [
        ("ada", {"scope": "all"}, ("default",)),
        ("ada", {"owner": "bob"}, ("default",)),
        ("ada", {"scope": "all", "vc": "default"}, ("default",)),
        ("ada", {}, None),
        ("ada", {"vc": "other"}, ("other",)),
        ("admin", {"scope": "all"}, None),
        ("admin", {"scope": "all", "vc": "other"}, ("other",)),
    ],
)
async def test_a_filter_looks_for_jobs_of_others_in_the_callers_clusters_only(
    bulk: Gateway, who: str, chosen: dict[str, Any], looked_in: tuple[str, ...] | None
) -> None:
    add(bulk, "eve", "other")
    await batch(bulk, who, action="kill", filter=chosen)
    assert [ask.vcs for ask in bulk.bus.asked if isinstance(ask, ListJobs)] == [looked_in]


async def test_a_filter_for_jobs_of_others_in_a_cluster_of_others_looks_nowhere(bulk: Gateway) -> None:
    add(bulk, "eve", "other")
    answer = await batch(bulk, "ada", action="kill", filter={"scope": "all", "vc": "other"})
    assert (answer["matched"], bulk.bus.asked) == (0, [])


async def test_a_filter_can_mean_what_has_ended_since_a_moment_of_one_user_alone(bulk: Gateway) -> None:
    noon = START + timedelta(hours=12)
    late, early = (add(bulk, "ada", status=JobStatus.FAILED) for _ in range(2))
    for job, moment in ((late, noon), (early, START)):
        bulk.bus.jobs[job.id] = job.model_copy(update={"finished_at": moment})
    chosen = {"status": ["failed"], "finished_after": noon.isoformat()}
    answer = await batch(bulk, "ada", action="kill", filter=chosen, dry_run=True)
    assert [outcome["id"] for outcome in answer["outcomes"]] == [late.id]
    asked = len(bulk.bus.asked)
    answer = await batch(bulk, "admin", action="kill", filter=chosen | {"scope": "all"}, dry_run=True)
    assert (answer["matched"], len(bulk.bus.asked)) == (0, asked)


@pytest.mark.parametrize(
    ("chosen", "matches"),
    [
        ({"vc": "default"}, True),
        ({"vc": "other"}, False),
        ({"label": {"team": "vision"}}, True),
        ({"label": {"team": "vision", "kind": "a"}}, True),
        ({"label": {"team": "visio"}}, False),
        ({"label": {"kind": "b"}}, False),
        ({"device_type": "v100"}, True),
        ({"device_type": "cpu"}, False),
        ({"preemptible": True}, True),
        ({"preemptible": False}, False),
        ({"submitted_after": START.isoformat()}, True),
        ({"submitted_before": START.isoformat()}, False),
        ({"submitted_before": (START + timedelta(seconds=1)).isoformat()}, True),
        ({"submitted_after": (START + timedelta(seconds=1)).isoformat()}, False),
        ({"finished_after": START.isoformat()}, False),
        ({"finished_before": START.isoformat()}, False),
        ({"q": "tra"}, True),
        ({"q": "rain"}, False),
        ({"status": ["queued"]}, True),
        ({"status": ["running", "paused"]}, False),
        ({"vc": "default", "q": "tra", "label": {"kind": "a"}, "preemptible": False}, False),
    ],
)
async def test_every_condition_of_a_filter_counts(bulk: Gateway, chosen: dict[str, Any], matches: bool) -> None:
    labels = {"team": "vision", "kind": "a"}
    job = add(bulk, "ada", labels=labels, device_type="v100", devices=1, preemptible=True)
    answer = await batch(bulk, "ada", action="kill", filter=chosen)
    assert [outcome["id"] for outcome in answer["outcomes"]] == ([job.id] if matches else [])


async def test_a_filter_finds_a_job_by_its_id(bulk: Gateway) -> None:
    job = add(bulk, "ada")
    add(bulk, "ada")
    answer = await batch(bulk, "ada", action="kill", filter={"q": job.id})
    assert [outcome["id"] for outcome in answer["outcomes"]] == [job.id]


@pytest.mark.parametrize(
    ("action", "sensible"),
    [
        ("pause", {"queued", "scheduling", "running"}),
        ("resume", {"paused"}),
        ("kill", {"queued", "scheduling", "running", "pausing", "paused", "killing"}),
        ("priority", {"queued", "scheduling", "paused"}),
    ],
)
async def test_without_a_status_a_filter_means_those_in_which_the_action_makes_sense(
    bulk: Gateway, action: str, sensible: set[str]
) -> None:
    jobs = {status: add(bulk, "ada", status=status) for status in JobStatus}
    more = {"priority": 5} if action == "priority" else {}
    answer = await batch(bulk, "ada", action=action, filter={}, **more)
    assert {outcome["id"] for outcome in answer["outcomes"]} == {jobs[JobStatus(name)].id for name in sensible}


async def test_a_dry_run_names_the_jobs_and_asks_for_nothing(bulk: Gateway) -> None:
    ids = [add(bulk, "ada").id for _ in range(7)]
    answer = await batch(bulk, "ada", action="kill", filter={}, dry_run=True)
    assert [outcome["id"] for outcome in answer["outcomes"]] == ids[::-1]
    assert (set(statuses(answer)), answer["matched"]) == ({200}, 7)
    assert changes(bulk) == []


async def test_at_most_a_thousand_are_meant_at_once_and_the_cursor_goes_on(bulk: Gateway) -> None:
    ids = [add(bulk, "ada").id for _ in range(1010)]
    first = await batch(bulk, "ada", action="kill", filter={})
    second = await batch(bulk, "ada", action="kill", filter={}, cursor=first["next_cursor"])
    assert (first["matched"], second["matched"]) == (1000, 10)
    assert [outcome["id"] for answer in (first, second) for outcome in answer["outcomes"]] == ids[::-1]
    assert all(len(ask.ids) <= MANY for ask in changes(bulk))
