"""A run that its operators give up: who may, what its executor is asked, and what stays of it in the audit."""

from typing import Any

import pytest

from services.gateway.audit import AuditEntry, Wanted
from shared.contracts.commands.forcing import FORCE, ForcedRun, ForceRun
from shared.contracts.errors import Conflict, Refusal, Unavailable
from shared.contracts.job import Job, JobStatus
from tests.support.gateway import Gateway, add_job

NODE = "node-1"


def running(yard: Gateway, **changes: Any) -> Job:
    """On a node that does not come back."""
    job = add_job(yard, owner="ada", **({"status": JobStatus.RUNNING} | changes))
    yard.bus.places[job.id] = NODE
    yard.bus.answers[FORCE.at(NODE).subject] = lambda ask: ForcedRun(nodes=(NODE,))
    return job


async def audited(yard: Gateway) -> tuple[AuditEntry, ...]:
    return (await yard.parts.audit.page(Wanted(action="job.forced"), 10, None))[0]


def asked(yard: Gateway) -> list[ForceRun]:
    return [each for each in yard.bus.asked if isinstance(each, ForceRun)]


async def test_its_executor_is_told_who_gives_it_up_and_the_audit_knows_it(yard: Gateway) -> None:
    job = running(yard)
    answer = await yard.call("POST", f"/jobs/{job.id}/force")
    assert (answer.status_code, answer.json()["id"]) == (202, job.id)
    [ask] = asked(yard)
    assert (ask.job_id, ask.attempt, ask.actor.name) == (job.id, 0, "admin")
    [entry] = await audited(yard)
    assert (entry.actor, entry.target, entry.details["nodes"]) == ("admin", f"job/{job.id}", [NODE])


async def test_only_platform_administrators_may_and_nobody_else_is_told_whether_there_is_such_a_job(
    yard: Gateway,
) -> None:
    await yard.add_account("ada")
    job = running(yard)
    for id in (job.id, "01KC0000000000000000000009"):
        answer = await yard.call("POST", f"/jobs/{id}/force", "ada")
        assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")
    assert asked(yard) == []


@pytest.mark.parametrize("id", ["x", "*", "01KC.1", "..", "01KC0000000000000000000009%00"])
async def test_what_is_no_id_reaches_no_executor(yard: Gateway, id: str) -> None:
    running(yard)
    assert (await yard.call("POST", f"/jobs/{id}/force")).status_code in (404, 422)
    assert asked(yard) == []


@pytest.mark.parametrize("status", [JobStatus.QUEUED, JobStatus.PAUSED, JobStatus.FINISHED])
async def test_a_job_without_a_run_has_none_to_give_up(yard: Gateway, status: JobStatus) -> None:
    job = running(yard, status=status)
    answer = await yard.call("POST", f"/jobs/{job.id}/force")
    assert (answer.status_code, asked(yard)) == (409, [])


@pytest.mark.parametrize("refusal", [Conflict("The node answers."), Unavailable("The executor does not answer.")])
async def test_what_the_executor_refuses_is_said_and_not_in_the_audit(yard: Gateway, refusal: Refusal) -> None:
    job = running(yard)

    def refuse(ask: ForceRun) -> ForcedRun:
        raise refusal

    yard.bus.answers[FORCE.at(NODE).subject] = refuse
    answer = await yard.call("POST", f"/jobs/{job.id}/force")
    assert answer.json()["detail"] == refusal.message
    assert await audited(yard) == ()
