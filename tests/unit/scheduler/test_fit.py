"""Where a job goes and what it takes: the tightest place, the lowest devices, and every amount to its last unit."""

import pytest

from services.executor.domain.admission import Capacity, Usage, admit, claims_of
from services.scheduler.domain.plan import Plan
from shared.contracts.job import Allocation, JobStatus, Share
from tests.support.yard import Yard, job, job_id, node


def places(plan: Plan) -> dict[str, Share]:
    return {placement.id: placement.allocation.shares[0] for placement in plan.placements}


def node_of(plan: Plan, number: int) -> str:
    return places(plan)[job_id(number)].node


def test_a_job_gets_the_lowest_free_devices() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=2), job(2, devices=1))
    yard.cycle()
    yard.end(job_id(1))
    yard.submit(job(3, devices=3))
    assert places(yard.cycle())[job_id(3)].devices == (0, 1, 3)


def test_a_job_goes_where_it_leaves_the_smallest_hole() -> None:
    yard = Yard(node("large", v100=8), node("small", v100=2))
    yard.submit(job(1, devices=2), job(2, devices=8))
    plan = yard.cycle()
    assert (node_of(plan, 1), node_of(plan, 2)) == ("small", "large")


def test_a_job_without_devices_leaves_the_nodes_with_devices_alone() -> None:
    yard = Yard(node("accelerated", cpus=8, v100=4), node("plain", cpus=64))
    yard.submit(job(1))
    assert node_of(yard.cycle(), 1) == "plain"


def test_devices_of_another_type_are_no_room() -> None:
    yard = Yard(node("a", ascend910=8))
    yard.submit(job(1, devices=1))
    assert places(yard.cycle()) == {}


@pytest.mark.parametrize(("cpus", "count"), [(0.01, 100), (0.07, 14), (0.1, 10), (0.3, 3)])
def test_fractions_of_a_cpu_add_up_exactly(cpus: float, count: int) -> None:
    yard = Yard(node("a", cpus=1))
    yard.submit(*(job(number, cpus=cpus) for number in range(count + 1)))
    assert len(yard.cycle().placements) == count


@pytest.mark.parametrize("cpus", [0.01, 0.014, 0.015, 0.0149, 0.115, 0.125, 0.335, 1 / 3])
def test_the_executor_never_refuses_the_cpus_that_the_scheduler_gave(cpus: float) -> None:
    yard = Yard(node("a", cpus=1))
    yard.submit(*(job(number, cpus=cpus) for number in range(101)))
    usage = Usage()
    for id, share in places(yard.cycle()).items():
        claims = claims_of(yard.jobs[id].device_type, (share,), yard.jobs[id].cpus, 0)
        assert admit(claims, {"a": Capacity(1, 0, {})}, usage) is None


def test_memory_counts_to_the_last_mib() -> None:
    yard = Yard(node("a", memory_mib=1000))
    yard.submit(job(1, memory_mib=999), job(2, memory_mib=2), job(3, memory_mib=1))
    assert places(yard.cycle()).keys() == {job_id(1), job_id(3)}


def test_memory_that_is_not_asked_for_is_not_counted() -> None:
    yard = Yard(node("a", memory_mib=100))
    yard.submit(job(1, memory_mib=100), job(2))
    assert len(yard.cycle().placements) == 2


@pytest.mark.parametrize("short", [{"cpus": 5.0}, {"memory_mib": 1001}, {"devices": 3}])
def test_a_place_needs_enough_of_everything(short: dict[str, float]) -> None:
    fits = {"devices": 2, "cpus": 4.0, "memory_mib": 1000}
    yard = Yard(node("a", cpus=4, memory_mib=1000, v100=2))
    yard.submit(job(1, **(fits | short)), job(2, **fits))
    assert places(yard.cycle()).keys() == {job_id(2)}


def test_a_run_that_is_being_stopped_holds_its_place_until_its_end_was_seen() -> None:
    yard = Yard(node("a", v100=1))
    yard.submit(job(1, devices=1), job(2, devices=1))
    yard.cycle()
    yard.start(job_id(1))
    yard.change(job_id(1), status=JobStatus.KILLING, then=JobStatus.KILLED)
    assert places(yard.cycle()) == {}
    yard.end(job_id(1))
    assert places(yard.cycle()).keys() == {job_id(2)}


def test_a_node_that_came_back_smaller_gets_nothing_until_what_it_holds_fits_again() -> None:
    yard = Yard(node("a", cpus=4))
    yard.submit(job(1, cpus=3), job(2, cpus=1))
    yard.cycle()
    yard.report(node("a", cpus=2))
    yard.submit(job(3, cpus=0.01))
    assert places(yard.cycle()) == {}
    yard.end(job_id(1))
    assert places(yard.cycle()).keys() == {job_id(3)}


def test_a_cycle_stops_at_its_limit_and_the_next_one_goes_on() -> None:
    yard = Yard(node("a"))
    yard.submit(*(job(number) for number in range(5)))
    first = yard.cycle(limit=2)
    assert (len(first.placements), first.complete) == (2, False)
    assert yard.snapshot.due
    second = yard.cycle()
    assert (len(second.placements), second.complete) == (3, True)
    assert not yard.snapshot.due


def test_a_placement_that_did_not_happen_gives_its_room_back() -> None:
    yard = Yard(node("a", v100=1))
    yard.submit(job(1, devices=1))
    yard.snapshot.apply(yard.plan())
    assert places(yard.plan()) == {}
    yard.snapshot.give_back(job_id(1))
    assert places(yard.plan())[job_id(1)] == Share(node="a", devices=(0,))


def test_a_job_that_another_leader_has_placed_holds_its_devices_here_too() -> None:
    yard = Yard(node("a", v100=2))
    elsewhere = Allocation(shares=(Share(node="a", devices=(0,)),))
    yard.submit(job(1, devices=1), job(2, devices=1))
    yard.change(job_id(1), status=JobStatus.SCHEDULING, allocation=elsewhere)
    assert places(yard.cycle()) == {job_id(2): Share(node="a", devices=(1,))}
