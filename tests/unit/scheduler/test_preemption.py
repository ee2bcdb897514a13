"""Who has to make room, for whom it is kept, and when nobody has to."""

import pytest

from services.scheduler.domain.plan import Plan
from shared.contracts.job import JobStatus
from tests.support.yard import Yard, for_devices, job, job_id, node

LOW = {"priority": 50, "preemptible": True}
HIGH = {"priority": 500}


def running(yard: Yard, *numbers: int) -> None:
    yard.cycle()
    for number in numbers:
        yard.start(job_id(number))


def victims(plan: Plan) -> list[str]:
    return [preemption.id for preemption in plan.preemptions]


def placed(plan: Plan) -> list[str]:
    return [placement.id for placement in plan.placements]


def full_of_two(**second: object) -> Yard:
    """A node with two devices, each held by a preemptible job; the second one started an hour after the first."""
    yard = Yard(node("a", v100=2))
    yard.submit(job(1, devices=1, **LOW), job(2, devices=1, **(LOW | second)))
    running(yard, 1)
    yard.pass_time(3600)
    yard.start(job_id(2))
    yard.pass_time(3600)
    return yard


def test_whoever_started_last_loses_the_least_and_goes_first() -> None:
    yard = full_of_two()
    yard.submit(job(3, devices=1, **HIGH))
    assert victims(yard.cycle()) == [job_id(2)]


def test_the_lowest_priority_goes_first_whatever_it_loses() -> None:
    yard = full_of_two(priority=60)
    yard.submit(job(3, devices=1, **HIGH))
    assert victims(yard.cycle()) == [job_id(1)]


def test_of_two_nodes_the_one_that_loses_less_makes_room() -> None:
    yard = Yard(node("a", v100=2), node("b", v100=2))
    yard.submit(job(1, devices=2, **LOW), job(2, devices=1, **LOW), job(3, devices=1, **LOW))
    running(yard, 2, 3)
    yard.pass_time(3600)
    yard.start(job_id(1))
    yard.pass_time(60)
    yard.submit(job(4, devices=2, **HIGH))
    assert victims(yard.cycle()) == [job_id(1)]


def test_a_node_of_lower_priorities_makes_room_even_if_it_loses_more() -> None:
    yard = Yard(node("a", v100=1), node("b", v100=1))
    yard.submit(job(1, devices=1, **(LOW | {"priority": 60})), job(2, devices=1, **LOW))
    running(yard, 2)
    yard.pass_time(3600)
    yard.start(job_id(1))
    yard.submit(job(3, devices=1, **HIGH))
    assert victims(yard.cycle()) == [job_id(2)]


def test_nobody_stops_where_a_free_place_is_enough() -> None:
    yard = Yard(node("a", v100=1), node("b", v100=1))
    yard.submit(job(1, devices=1, **LOW))
    running(yard, 1)
    yard.submit(job(2, devices=1, **HIGH))
    plan = yard.cycle()
    assert (placed(plan), victims(plan)) == ([job_id(2)], [])


def test_nobody_stops_where_it_is_enough_to_wait_for_those_who_leave_anyway() -> None:
    yard = full_of_two()
    yard.change(job_id(1), status=JobStatus.KILLING, then=JobStatus.KILLED)
    yard.submit(job(3, devices=1, **HIGH))
    assert victims(yard.cycle()) == []
    yard.end(job_id(1))
    assert placed(yard.cycle()) == [job_id(3)]


def test_an_equal_priority_takes_nothing() -> None:
    yard = full_of_two()
    yard.submit(job(3, devices=1, priority=50))
    assert victims(yard.cycle()) == []


def test_a_job_that_is_not_preemptible_keeps_its_place() -> None:
    yard = full_of_two(preemptible=False)
    yard.submit(job(3, devices=2, priority=1000))
    assert victims(yard.cycle()) == []


def test_room_on_different_nodes_is_no_reason_to_stop_anybody() -> None:
    yard = Yard(node("a", v100=1), node("b", v100=1))
    yard.submit(job(1, devices=1, **LOW), job(2, devices=1, **LOW))
    running(yard, 1, 2)
    yard.submit(job(3, devices=2, **HIGH))
    assert victims(yard.cycle()) == []


def test_cpus_and_memory_are_taken_back_too() -> None:
    yard = Yard(node("a", cpus=4, memory_mib=1000, v100=1))
    yard.submit(job(1, cpus=3, **LOW), job(2, memory_mib=900, **LOW))
    running(yard, 1, 2)
    yard.submit(job(3, devices=1, cpus=2, memory_mib=500, **HIGH))
    assert set(victims(yard.cycle())) == {job_id(1), job_id(2)}


def test_one_that_alone_is_enough_stops_alone() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=1, **LOW), job(2, devices=3, **(LOW | {"priority": 60})))
    running(yard, 1, 2)
    yard.submit(job(3, devices=3, **HIGH))
    assert victims(yard.cycle()) == [job_id(2)]


def test_nobody_is_stopped_again_for_the_same_job() -> None:
    yard = full_of_two()
    yard.submit(job(3, devices=1, **HIGH))
    assert victims(yard.cycle()) == [job_id(2)]
    yard.submit(job(4))
    assert victims(yard.cycle()) == []


def test_a_place_that_was_only_planned_is_not_taken_back() -> None:
    yard = Yard(node("a", v100=1))
    yard.submit(job(1, devices=1, **LOW))
    yard.snapshot.apply(yard.plan())
    yard.submit(job(2, devices=1, **HIGH))
    assert victims(yard.plan()) == []


def test_the_victim_is_told_for_whom_and_why() -> None:
    yard = full_of_two()
    yard.submit(job(3, devices=1, **HIGH))
    reason = yard.cycle().preemptions[0].reason
    assert reason.code == "higher_priority"
    assert reason.message == (
        f"Job job-3 ({job_id(3)}) of priority 500 needs its place on node a; its own priority is 50."
    )
    assert reason.details == {"for": job_id(3), "node": "a", "nodes": ["a"], "priority": 500}


def test_a_victim_hears_of_a_job_of_another_vc_by_its_size_only() -> None:
    yard = full_of_two()
    yard.submit(job(3, devices=1, vc="lab", **HIGH))
    reason = yard.cycle().preemptions[0].reason
    assert reason.message == ("A job of another VC (1 v100 and 1 cpu) of higher priority needs its place on node a.")
    assert reason.details == {"for": job_id(3), "node": "a", "nodes": ["a"], "foreign": True}


def test_room_that_is_made_goes_to_the_job_it_was_made_for() -> None:
    yard = full_of_two()
    yard.submit(job(3, devices=1, **HIGH))
    stopped = victims(yard.cycle())[0]
    yard.submit(job(4, devices=1, priority=499))
    yard.end(stopped)
    assert job_id(3) in placed(yard.cycle())


def test_a_small_job_may_use_what_the_reserved_room_does_not_need() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=2, **LOW))
    running(yard, 1)
    yard.submit(job(2, devices=3, **HIGH), job(3, devices=1), job(4, devices=1))
    plan = yard.cycle()
    assert victims(plan) == [job_id(1)]
    assert placed(plan) == [job_id(3)]
    yard.end(job_id(1))
    assert placed(yard.cycle()) == [job_id(2)]


def test_reserved_room_is_free_again_when_its_job_goes_away() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=2, **LOW))
    running(yard, 1)
    yard.submit(job(2, devices=4, **HIGH), job(3, devices=2))
    assert placed(yard.cycle()) == []
    yard.change(job_id(2), status=JobStatus.KILLED)
    assert placed(yard.cycle()) == [job_id(3)]


def test_room_that_others_give_back_anyway_is_kept_for_the_first_who_needs_it() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=2))
    running(yard, 1)
    yard.change(job_id(1), status=JobStatus.KILLING, then=JobStatus.KILLED)
    yard.submit(job(2, devices=4), job(3, devices=2))
    assert placed(yard.cycle()) == []
    yard.end(job_id(1))
    assert placed(yard.cycle()) == [job_id(2)]


@pytest.mark.parametrize("backwards", [False, True])
def test_a_new_leader_keeps_the_room_for_the_job_it_was_made_for(backwards: bool) -> None:
    yard = full_of_two()
    yard.submit(job(3, devices=1, **HIGH))
    yard.cycle()
    fresh = Yard(node("a", v100=2))
    fresh.now = yard.now
    fresh.submit(*sorted(yard.jobs.values(), key=lambda view: view.id, reverse=backwards))
    assert fresh.snapshot.promises[job_id(3)].places == (("a", 1),)
    assert victims(fresh.cycle()) == []


def test_a_node_for_devices_takes_no_job_without_any_now_or_later_whoever_leaves_there() -> None:
    yard = Yard(for_devices(node("a", cpus=2, v100=2)))
    yard.submit(job(1, devices=1, cpus=2, priority=50, preemptible=True))
    yard.cycle()
    yard.start(job_id(1))
    yard.submit(job(2, priority=500), job(3, nodes=2, priority=500))
    plan = yard.cycle()
    assert (plan.placements, plan.preemptions, plan.promises) == ((), (), {})
    yard.submit(job(4, devices=1, priority=500))
    assert [one.id for one in yard.cycle().preemptions] == [job_id(1)]
    assert yard.cycle().promises.keys() == {job_id(4)}
    yard.end(job_id(1))
    assert [one.id for one in yard.cycle().placements] == [job_id(4)]
    assert yard.cycle().placements == ()
