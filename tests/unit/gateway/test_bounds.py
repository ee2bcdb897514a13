"""What a VC's policy lets pass: for members and VC administrators, not for platform administrators."""

from typing import Any

import pytest

from services.gateway.domain.access import Caller
from services.gateway.domain.bounds import bounded, check_priority
from services.gateway.domain.policy import VcPolicy
from shared.contracts.errors import Invalid
from shared.contracts.job import JobRequest
from tests.support.gateway import caller

LIMITED = VcPolicy(max_priority=200, max_duration_s=3600)
LOW = VcPolicy(max_priority=50)
ADA, ROOT = caller("ada"), caller("root", admin=True)


def request(**fields: Any) -> JobRequest:
    return JobRequest(name="j", command="true", **fields)


@pytest.mark.parametrize(
    ("fields", "policy", "who", "priority", "duration"),
    [
        ({}, VcPolicy(), ADA, 100, None),
        ({"priority": 1000, "max_duration_s": 10**8}, VcPolicy(), ADA, 1000, 10**8),
        ({"priority": 200, "max_duration_s": 3600}, LIMITED, ADA, 200, 3600),
        ({}, LIMITED, ADA, 100, 3600),
        ({}, LOW, ADA, 50, None),
        ({"priority": 1000, "max_duration_s": 10**8}, LIMITED, ROOT, 1000, 10**8),
        ({}, LOW, ROOT, 100, None),
    ],
)
def test_what_is_left_out_gets_what_there_is(
    fields: dict[str, Any], policy: VcPolicy, who: Caller, priority: int, duration: int | None
) -> None:
    passed = bounded(who, request(**fields), policy)
    assert (passed.priority, passed.max_duration_s) == (priority, duration)


@pytest.mark.parametrize(
    ("fields", "policy", "field", "most"),
    [
        ({"priority": 201}, LIMITED, "priority", 200),
        ({"priority": 100}, LOW, "priority", 50),
        ({"max_duration_s": 3601}, LIMITED, "max_duration_s", 3600),
    ],
)
def test_asking_for_more_is_refused_in_a_sentence_that_names_the_most(
    fields: dict[str, Any], policy: VcPolicy, field: str, most: int
) -> None:
    with pytest.raises(Invalid, match=f"{field}: must be at most {most} in the virtual cluster 'default'") as refused:
        bounded(ADA, request(**fields), policy)
    assert [error.field for error in refused.value.errors] == [field]


def test_a_change_of_the_priority_is_held_to_the_same() -> None:
    check_priority(ADA, "default", LIMITED, 200)
    check_priority(ROOT, "default", LIMITED, 1000)
    check_priority(ADA, "default", VcPolicy(), 1000)
    with pytest.raises(Invalid, match="at most 200"):
        check_priority(ADA, "default", LIMITED, 201)
