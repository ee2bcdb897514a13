"""Events are written once per sight: whoever has the same sight of a job is shown the same of it, whoever that is."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.access import Caller, Role, Scope
from services.gateway.domain.discretion import Subject, shown, sight
from shared.contracts.job import FOREIGN, SERVED, JobStatus

VCS = ("default", "lab")
callers = st.builds(
    Caller,
    name=st.sampled_from(("ada", "bob", "eve")),
    admin=st.booleans(),
    vcs=st.dictionaries(st.sampled_from(VCS), st.sampled_from(Role)),
    scope=st.sampled_from(Scope),
    closed=st.frozensets(st.sampled_from(VCS)),
)
reasons = st.builds(
    lambda code, foreign: {
        "code": code,
        "message": "m",
        "details": {SERVED: "x", **({FOREIGN: True} if foreign else {})},
    },
    st.sampled_from(("preempted", "run_lost", "launch_failed")),
    st.booleans(),
)


@st.composite
def events(draw: st.DrawFn) -> dict[str, Any]:
    state = {"status": draw(st.sampled_from(JobStatus)).value, "reason": draw(st.none() | reasons)}
    job = {"id": "J", "owner": draw(st.sampled_from(("ada", "bob"))), "vc": draw(st.sampled_from(VCS)), "state": state}
    data: dict[str, Any] = {"job": job, "actor": {"kind": "user", "name": "ada", "address": "203.0.113.9"}}
    if draw(st.booleans()):
        data["launch"] = {"command": "c", "env": {"A": "secret"}, "secrets": {"B": "name"}}
    if draw(st.booleans()):
        data["usage"] = {"seconds": 1.0}
    return data


@given(events(), callers, callers)
def test_whoever_has_the_same_sight_of_a_job_is_shown_the_same(
    data: dict[str, Any], one: Caller, other: Caller
) -> None:
    job = Subject(data["job"]["id"], data["job"]["owner"], data["job"]["vc"])
    if sight(one, job) == sight(other, job):
        assert shown(one, data) == shown(other, data)
