"""The rights table: every relation and right, and what follows from them."""

from collections.abc import Mapping
from typing import Any

import pytest

from services.gateway.domain.access import (
    CHANGING,
    RIGHTS,
    Action,
    Caller,
    Relation,
    Right,
    Role,
    Scope,
    actions,
    check_submission,
    may,
    relation,
    require,
    require_admin,
    visible,
)
from services.gateway.domain.discretion import named, shown, told
from services.jobs.domain.reasons import start_refused
from shared.contracts.commands.scheduling import Blocker, Blockers, Blocking
from shared.contracts.commands.submission import NewJob
from shared.contracts.errors import Forbidden, Invalid, NotFound
from shared.contracts.job import FOREIGN, HIDDEN, NODE, PLACES, SERVED, TERMINAL, Job, JobRequest, JobStatus, Reason
from shared.contracts.notify import Notify
from tests.support.gateway import stored_job

MEMBER_OF = {"default": Role.MEMBER}
CALLERS = {
    Relation.OWNER: Caller("ada", admin=False, vcs=MEMBER_OF),
    Relation.PLATFORM_ADMIN: Caller("root", admin=True, vcs={}),
    Relation.FORMER_MEMBER: Caller("ada", admin=False, vcs={"other": Role.ADMIN}),
    Relation.VC_ADMIN: Caller("vera", admin=False, vcs={"default": Role.ADMIN}, closed=frozenset({"default"})),
    Relation.OPEN_MEMBER: Caller("bob", admin=False, vcs={**MEMBER_OF, "other": Role.ADMIN}),
    Relation.CLOSED_MEMBER: Caller("carl", admin=False, vcs=MEMBER_OF, closed=frozenset({"default"})),
    Relation.STRANGER: Caller("eve", admin=False, vcs={"other": Role.ADMIN}),
}
ALL = set(Right)
EXPECTED: Mapping[Relation, set[Right]] = {
    Relation.OWNER: ALL,
    Relation.PLATFORM_ADMIN: ALL,
    Relation.FORMER_MEMBER: ALL - {Right.USE_ENDPOINTS, Right.ACT},
    Relation.VC_ADMIN: ALL,
    Relation.OPEN_MEMBER: {Right.SEE, Right.SEE_SPEC, Right.READ_METRICS, Right.READ_CONSOLE},
    Relation.CLOSED_MEMBER: {Right.SEE},
    Relation.STRANGER: set(),
}


def job(status: JobStatus = JobStatus.QUEUED, reason: Reason | None = None) -> Job:
    request = JobRequest(name="j", command="hush --flag", env={"TOKEN": "hush"}, work_path="hush/path")
    return stored_job(NewJob(id="0" * 26, owner="ada", request=request), status=status, reason=reason)


@pytest.mark.parametrize("expected", Relation)
def test_every_caller_is_to_a_job_what_the_table_calls_it(expected: Relation) -> None:
    assert relation(CALLERS[expected], job()) is expected


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("who", Relation)
def test_the_table_gives_each_relation_its_rights_and_no_more(who: Relation, right: Right) -> None:
    given = right in EXPECTED[who]
    assert may(CALLERS[who], job(), right) is given
    if given:
        require(CALLERS[who], job(), right)
    elif who is Relation.STRANGER:
        with pytest.raises(NotFound, match="There is no job"):
            require(CALLERS[who], job(), right)
    elif who is Relation.FORMER_MEMBER:
        with pytest.raises(Forbidden, match="do not belong to the virtual cluster 'default'"):
            require(CALLERS[who], job(), right)
    else:
        with pytest.raises(Forbidden, match="belongs to ada"):
            require(CALLERS[who], job(), right)


def test_whoever_has_left_a_vc_sees_the_own_job_there_and_may_only_end_it() -> None:
    gone = CALLERS[Relation.FORMER_MEMBER]
    assert visible(gone, job()) == job()
    for status in (JobStatus.QUEUED, JobStatus.PAUSED, JobStatus.RUNNING):
        assert set(actions(gone, job(status))) == {Action.KILL, Action.SUPPORT}


def test_a_platform_administrator_needs_no_membership_for_the_own_jobs() -> None:
    assert relation(Caller("ada", admin=True, vcs={}), job()) is Relation.PLATFORM_ADMIN


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("who", Relation)
def test_a_token_that_may_only_read_changes_nothing_and_reads_what_its_owner_may(who: Relation, right: Right) -> None:
    person = CALLERS[who]
    token = Caller(person.name, person.admin, person.vcs, Scope.READ, person.closed)
    assert may(token, job(), right) is (right in RIGHTS[who] and right not in CHANGING)
    if right in RIGHTS[who] & CHANGING:
        with pytest.raises(Forbidden, match="may only read"):
            require(token, job(), right)
    assert actions(token, job()) == ()


def test_environment_values_are_for_the_owner_and_administrators_only() -> None:
    for who in (Relation.OWNER, Relation.PLATFORM_ADMIN, Relation.VC_ADMIN):
        assert visible(CALLERS[who], job()) == job()
    assert visible(CALLERS[Relation.OPEN_MEMBER], job()) == job().model_copy(update={"env": {"TOKEN": HIDDEN}})


def test_whom_a_job_tells_is_shown_by_the_same_right_as_who_was_told() -> None:
    told_job = job().model_copy(update={"notify": (Notify(to="mailto:ada@example.org"),)})
    for who in Relation:
        if may(CALLERS[who], told_job, Right.SEE):
            assert bool(visible(CALLERS[who], told_job).notify) is may(CALLERS[who], told_job, Right.SEE_MESSAGES)


def test_in_a_closed_vc_a_member_sees_the_brief_without_command_environment_and_paths() -> None:
    seen = visible(CALLERS[Relation.CLOSED_MEMBER], job())
    assert seen.command == HIDDEN
    assert seen.env == {}
    assert (seen.data_path, seen.work_path, seen.job_path, seen.checkpoint_path) == (None, None, None, None)
    assert (seen.name, seen.owner, seen.status, seen.priority) == ("j", "ada", JobStatus.QUEUED, 100)
    assert "hush" not in seen.model_dump_json()
    assert seen.secrets == {}


MISSING = Reason(code="work_path_missing", message="The folder hush/path is missing.", details={"path": "hush"})


def test_a_reason_that_names_paths_is_for_those_who_may_see_paths() -> None:
    failed = job(JobStatus.ERROR, MISSING)
    for who in (Relation.OWNER, Relation.VC_ADMIN, Relation.OPEN_MEMBER):
        assert told(CALLERS[who], failed, failed.status, MISSING) == MISSING
    kept = told(CALLERS[Relation.CLOSED_MEMBER], failed, failed.status, MISSING)
    assert kept is not None
    assert kept.code == "work_path_missing"
    assert "hush" not in kept.model_dump_json()


def test_why_a_start_was_refused_is_for_those_who_may_see_what_is_started() -> None:
    reason = start_refused(Reason(code="image_unavailable", message="No hush/image."), 1, job().submitted_at)
    assert told(CALLERS[Relation.OPEN_MEMBER], job(), JobStatus.QUEUED, reason) == reason
    kept = told(CALLERS[Relation.CLOSED_MEMBER], job(), JobStatus.QUEUED, reason)
    assert kept is not None
    assert kept.code == "start_refused"
    assert "hush" not in kept.model_dump_json()


def test_a_reason_never_tells_which_job_of_another_vc_goes_where_but_to_a_platform_administrator() -> None:
    reason = Reason(
        code="preempting",
        message="m",
        details={SERVED: "1" * 26, FOREIGN: True, NODE: "a", PLACES: {"a": 2}, "rule": "r"},
    )
    for who in (Relation.OWNER, Relation.VC_ADMIN, Relation.OPEN_MEMBER, Relation.CLOSED_MEMBER):
        kept = told(CALLERS[who], job(), JobStatus.PAUSING, reason)
        assert kept is not None
        assert kept.details == {"rule": "r"}
    assert told(CALLERS[Relation.PLATFORM_ADMIN], job(), JobStatus.PAUSING, reason) == reason


def blocker(number: int, owner: str, vc: str) -> Blocker:
    which: dict[str, Any] = {
        "id": str(number) * 26,
        "name": "hush-name",
        "owner": owner,
        "vc": vc,
        "since": job().submitted_at,
    }
    return Blocker(state=Blocking.HOLDS, device_type="v100", devices=number, cpus=2, memory_mib=3, **which)


@pytest.mark.parametrize("who", Relation)
def test_of_a_job_in_the_way_that_does_not_exist_for_the_caller_only_the_size_is_told(who: Relation) -> None:
    of_default, elsewhere = blocker(4, "ada", "default"), blocker(5, "zoe", "hush-vc")
    seen = named(CALLERS[who], Blockers(jobs=(of_default, elsewhere), more=7))
    assert seen.more == 7
    sizes = [(one.state, one.device_type, one.devices, one.cpus, one.memory_mib) for one in seen.jobs]
    assert sizes == [(Blocking.HOLDS, "v100", count, 2, 3) for count in (4, 5)]
    assert (seen.jobs[0] == of_default) is (who is not Relation.STRANGER)
    assert (seen.jobs[1] == elsewhere) is (who is Relation.PLATFORM_ADMIN)
    for one, whole in zip(seen.jobs, (of_default, elsewhere), strict=True):
        if one != whole:
            assert (one.id, one.name, one.owner, one.vc, one.since) == (None,) * 5


def event(status: JobStatus = JobStatus.SCHEDULING, reason: Reason | None = None) -> dict[str, Any]:
    state = {"status": status, "reason": reason.model_dump(mode="json") if reason else None}
    launch = {"command": "hush --flag", "env": {"TOKEN": "hush"}, "work_path": "hush/path"}
    return {"job": {"id": "0" * 26, "owner": "ada", "vc": "default", "state": state}, "launch": launch}


def test_an_event_tells_each_reader_what_the_table_gives() -> None:
    for who in (Relation.OWNER, Relation.PLATFORM_ADMIN, Relation.VC_ADMIN):
        assert shown(CALLERS[who], event()) == event()
    launch = shown(CALLERS[Relation.OPEN_MEMBER], event())["launch"]
    assert launch == {**event()["launch"], "env": {"TOKEN": HIDDEN}}
    assert "launch" not in shown(CALLERS[Relation.CLOSED_MEMBER], event())
    errored = shown(CALLERS[Relation.CLOSED_MEMBER], event(JobStatus.ERROR, MISSING))
    assert "hush" not in str(errored)


def test_what_an_attempt_has_used_is_told_to_those_who_may_read_the_job_s_metrics() -> None:
    ended = {**event(JobStatus.FINISHED), "usage": {"seconds": 60.0}}
    for who in (Relation.OWNER, Relation.FORMER_MEMBER, Relation.VC_ADMIN, Relation.OPEN_MEMBER):
        assert shown(CALLERS[who], ended)["usage"] == {"seconds": 60.0}
    assert shown(CALLERS[Relation.CLOSED_MEMBER], ended)["usage"] is None


@pytest.mark.parametrize("status", JobStatus)
def test_actions_follow_the_status(status: JobStatus) -> None:
    expected = {Action.SUPPORT}
    if status in (JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.RUNNING):
        expected.add(Action.PAUSE)
    if status is JobStatus.PAUSED:
        expected.add(Action.RESUME)
    if status not in TERMINAL:
        expected.add(Action.KILL)
    for who in (Relation.OWNER, Relation.PLATFORM_ADMIN, Relation.VC_ADMIN):
        assert set(actions(CALLERS[who], job(status))) == expected
    for who in (Relation.OPEN_MEMBER, Relation.CLOSED_MEMBER, Relation.STRANGER):
        assert actions(CALLERS[who], job(status)) == ()


def test_a_submission_is_for_oneself_and_for_a_vc_of_ones_own() -> None:
    owner = CALLERS[Relation.OWNER]
    check_submission(owner, "default", None)
    check_submission(owner, "default", "ada")
    with pytest.raises(Forbidden):
        check_submission(owner, "default", "bob")
    with pytest.raises(Invalid) as refused:
        check_submission(CALLERS[Relation.PLATFORM_ADMIN], "nowhere", None)
    assert refused.value.errors[0].field == "vc"


def test_only_platform_administrators_administer() -> None:
    require_admin(CALLERS[Relation.PLATFORM_ADMIN])
    with pytest.raises(Forbidden, match="platform administrator"):
        require_admin(CALLERS[Relation.VC_ADMIN])


def test_whom_a_job_tells_is_nobodys_business_in_a_closed_vc() -> None:
    telling = job().model_copy(update={"notify": (Notify(to="https://example.org/hush"),)})
    for who in (Relation.OPEN_MEMBER, Relation.CLOSED_MEMBER):
        assert visible(CALLERS[who], telling).notify == ()
