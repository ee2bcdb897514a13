"""Waiting for a time: a place that was refused rests for longer each time, a retry is held until its moment."""

from datetime import timedelta

import pytest

from services.scheduler.domain.plan import Plan
from services.scheduler.domain.rests import BRIEF_RESTS, FIRST_REST_S, LONGEST_REST_S, Rests
from services.scheduler.domain.room import WHOLE
from shared.contracts.job import JobStatus, Reason
from tests.support.yard import START, Yard, job, job_id, node

FIRST, SECOND = ("v100", 0), ("v100", 1)
QUOTA = Reason(code="cluster_refused", message="The cluster refused the run's pod: exceeded quota: lab.")


def devices(plan: Plan) -> list[tuple[int, ...]]:
    return [placement.allocation.shares[0].devices for placement in plan.placements]


def rest_after(refusals: int) -> float:
    """How long the last of so many refusals in a row lets a device rest."""
    rests, now = Rests(), 0.0
    for _ in range(refusals - 1):
        rests.refuse((FIRST,), now)
        now += LONGEST_REST_S
        rests.wake(now)
    rests.refuse((FIRST,), now)
    step = FIRST_REST_S
    while not rests.wake(now + step):
        step += FIRST_REST_S
    return step


def test_a_rest_doubles_with_each_refusal_up_to_a_minute() -> None:
    assert [rest_after(count) for count in range(1, 10)] == [0.5, 1, 2, 4, 8, 16, 32, 60, 60]
    assert rest_after(2000) == 60


def test_a_start_that_succeeded_ends_the_doubt() -> None:
    rests = Rests()
    rests.refuse((FIRST,), 0)
    rests.wake(10)
    rests.trust((FIRST,))
    rests.refuse((FIRST,), 10)
    assert not rests.wake(10.4)
    assert rests.wake(10.5)


def test_late_news_of_a_start_does_not_end_a_rest_or_its_doubling() -> None:
    rests = Rests()
    rests.refuse((FIRST,), 0)
    rests.trust((FIRST, SECOND))
    assert FIRST in rests
    assert SECOND not in rests
    rests.wake(0.5)
    rests.refuse((FIRST,), 1)
    assert not rests.wake(1.9)


def test_short_rests_are_waited_out_and_repeated_ones_are_not_counted_on() -> None:
    rests = Rests()
    for count in range(1, BRIEF_RESTS + 2):
        rests.refuse((FIRST, WHOLE), 0)
        assert rests.brief("v100", (0, 1)) == (count <= BRIEF_RESTS)
        assert rests.reliable == (count <= BRIEF_RESTS)


def test_a_refused_device_is_left_alone_and_tried_again_after_its_rest() -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(job(1, devices=2))
    yard.cycle()
    yard.refuse(job_id(1))
    assert devices(yard.cycle()) == []
    yard.pass_time(FIRST_REST_S)
    assert devices(yard.cycle()) == [(0, 1)]


def test_a_refused_device_does_not_keep_others_from_being_used() -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(job(1, devices=1))
    yard.cycle()
    yard.refuse(job_id(1))
    yard.submit(job(2, devices=1, priority=1000))
    assert devices(yard.cycle()) == [(1,)]


def test_a_refused_job_without_devices_lets_the_whole_node_rest() -> None:
    yard = Yard(node("a", v100=2), node("b"))
    yard.submit(job(1, cpus=10))
    first = yard.cycle().placements[0].allocation.shares[0].node
    yard.refuse(job_id(1))
    second = yard.cycle().placements[0].allocation.shares[0].node
    assert {first, second} == {"a", "b"}


@pytest.mark.parametrize("devices", [0, 2])
def test_a_quota_that_one_virtual_cluster_has_used_up_closes_no_node_for_others(devices: int) -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(job(1, devices=devices, vc="lab"))
    yard.cycle()
    yard.put_off(job_id(1), QUOTA, seconds=5)
    yard.submit(job(2, devices=devices, vc="other"))
    assert [placement.id for placement in yard.cycle().placements] == [job_id(2)]
    yard.end(job_id(2))
    yard.pass_time(5)
    assert [placement.id for placement in yard.cycle().placements] == [job_id(1)], "it is tried again"


def test_nobody_is_stopped_for_room_that_a_short_rest_gives_back() -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(job(1, devices=1, priority=50, preemptible=True), job(2, devices=1, priority=50))
    yard.cycle()
    yard.start(job_id(1))
    yard.refuse(job_id(2))
    yard.change(job_id(2), status=JobStatus.KILLED)
    yard.submit(job(3, devices=1, priority=500))
    plan = yard.cycle()
    assert (plan.placements, plan.preemptions) == ((), ())
    yard.pass_time(FIRST_REST_S)
    assert devices(yard.cycle()) == [(1,)]


# --- not_before


def held(number: int, seconds: float) -> Yard:
    yard = Yard(node("a", v100=1))
    yard.submit(job(number, devices=1, not_before=yard.now + timedelta(seconds=seconds)))
    return yard


def test_a_held_job_is_placed_from_its_moment_on_and_not_before() -> None:
    yard = held(1, 30)
    plan = yard.cycle()
    assert plan.placements == ()
    assert plan.wake_at == yard.now + timedelta(seconds=30)
    yard.pass_time(29.999)
    assert yard.cycle().placements == ()
    yard.pass_time(0.001)
    assert len(yard.cycle().placements) == 1


def test_a_held_job_does_not_hold_up_those_behind_it() -> None:
    yard = held(1, 30)
    yard.submit(job(2, devices=1))
    assert [placement.id for placement in yard.cycle().placements] == [job_id(2)]


@pytest.mark.parametrize("status", [JobStatus.KILLED, JobStatus.PAUSED])
def test_a_held_job_that_was_taken_out_of_the_queue_does_not_come_back(status: JobStatus) -> None:
    yard = held(1, 30)
    yard.change(job_id(1), status=status)
    yard.pass_time(60)
    assert yard.cycle().placements == ()


def test_a_new_moment_replaces_the_old_one() -> None:
    yard = held(1, 30)
    yard.change(job_id(1), not_before=yard.now + timedelta(seconds=90))
    yard.pass_time(60)
    assert yard.cycle().placements == ()
    yard.pass_time(30)
    assert len(yard.cycle().placements) == 1


def test_a_moment_that_is_over_holds_nobody() -> None:
    yard = Yard(node("a"))
    yard.submit(job(1, not_before=START))
    assert len(yard.cycle().placements) == 1
