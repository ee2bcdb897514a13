"""The access table: every relation and right, and what follows from them."""

import pytest

from services.gateway.domain.access import (
    HIDDEN,
    Action,
    Caller,
    Relation,
    Right,
    actions,
    check_submission,
    may,
    relation,
    require,
    visible,
)
from shared.contracts.commands import NewJob
from shared.contracts.errors import Forbidden, Invalid, NotFound
from shared.contracts.job import TERMINAL, Job, JobRequest, JobStatus
from shared.contracts.notify import Notify
from tests.support.gateway import stored_job

OWNER = Caller("ada", admin=False, vcs=("default",))
MEMBER = Caller("bob", admin=False, vcs=("default", "other"))
ADMIN = Caller("root", admin=True, vcs=("default",))
STRANGER = Caller("eve", admin=False, vcs=("other",))

ALL = set(Right)
EXPECTED = {
    OWNER: (Relation.OWNER, ALL),
    ADMIN: (Relation.ADMIN, ALL),
    MEMBER: (Relation.MEMBER, {Right.SEE, Right.ASK_SUPPORT}),
    STRANGER: (Relation.STRANGER, set[Right]()),
}


def job(status: JobStatus = JobStatus.QUEUED) -> Job:
    request = JobRequest(name="j", command="true", env={"TOKEN": "secret"}, notify=(Notify(to="mailto:a@b"),))
    return stored_job(NewJob(id="0" * 26, owner="ada", request=request), status=status)


@pytest.mark.parametrize("caller", EXPECTED, ids=lambda caller: caller.name)
def test_the_table_gives_each_relation_its_rights_and_no_more(caller: Caller) -> None:
    expected, rights = EXPECTED[caller]
    assert relation(caller, job()) is expected
    assert {right for right in Right if may(caller, job(), right)} == rights


def test_a_job_of_a_foreign_vc_does_not_exist_and_one_of_the_own_is_forbidden() -> None:
    with pytest.raises(NotFound):
        require(STRANGER, job(), Right.SEE)
    with pytest.raises(NotFound):
        require(STRANGER, job(), Right.ACT)
    with pytest.raises(Forbidden, match="belongs to ada"):
        require(MEMBER, job(), Right.ACT)
    with pytest.raises(Forbidden):
        require(MEMBER, job(), Right.READ_CONSOLE)
    require(MEMBER, job(), Right.SEE)


def test_environment_values_and_whom_it_tells_are_hidden_from_members() -> None:
    assert visible(MEMBER, job()).notify == ()
    assert len(visible(OWNER, job()).notify) == 1
    assert visible(MEMBER, job()).env == {"TOKEN": HIDDEN}
    assert visible(OWNER, job()).env == visible(ADMIN, job()).env == {"TOKEN": "secret"}


@pytest.mark.parametrize("status", JobStatus)
def test_actions_follow_the_status(status: JobStatus) -> None:
    expected = {Action.SUPPORT}
    if status in (JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.RUNNING):
        expected.add(Action.PAUSE)
    if status is JobStatus.PAUSED:
        expected.add(Action.RESUME)
    if status not in TERMINAL:
        expected.add(Action.KILL)
    assert set(actions(OWNER, job(status))) == set(actions(ADMIN, job(status))) == expected
    assert actions(MEMBER, job(status)) == (Action.SUPPORT,)
    assert actions(STRANGER, job(status)) == ()


def test_a_submission_is_for_oneself_and_for_a_vc_of_ones_own() -> None:
    check_submission(OWNER, "default", None)
    check_submission(OWNER, "default", "ada")
    with pytest.raises(Forbidden):
        check_submission(OWNER, "default", "bob")
    with pytest.raises(Invalid) as refused:
        check_submission(ADMIN, "nowhere", None)
    assert refused.value.errors[0].field == "vc"
