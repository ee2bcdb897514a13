"""What the scheduler tells of the whole yard: never more held than there is, every node once, everybody who waits."""

import pytest

from services.scheduler.domain.cluster import offer, page, sample
from services.scheduler.domain.reasons import Reasons
from shared.contracts.cluster import ClusterNode, ClusterPage
from shared.contracts.job import JobStatus
from tests.support.yard import CORDONED, START, Yard, closed, job, job_id, node, of_which


def first(yard: Yard) -> ClusterPage:
    return page(yard.snapshot, Reasons(yard.snapshot), None)


def told(yard: Yard, name: str = "a") -> ClusterNode:
    return next(one for one in first(yard).nodes if one.node == name)


def held(yard: Yard, name: str = "a") -> dict[int, str]:
    return {one.index: one.job_id for devices in told(yard, name).devices for one in devices.held}


def test_a_device_is_held_by_the_job_that_was_placed_there_until_its_run_has_ended() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=2, cpus=1.5, memory_mib=100), job(2, devices=1, vc="lab", owner="bob"))
    yard.cycle()
    assert held(yard) == {0: job_id(1), 1: job_id(1), 2: job_id(2)}
    here = told(yard)
    assert (here.cpus, here.cpus_held, here.memory_mib, here.memory_held_mib) == (64, 2.5, 65_536, 100)
    assert [(one.id, one.name, one.owner, one.vc) for one in first(yard).holders] == [
        (job_id(1), "job-1", "ada", "default"),
        (job_id(2), "job-2", "bob", "lab"),
    ]
    yard.change(job_id(1), status=JobStatus.KILLING, then=JobStatus.KILLED)
    assert len(held(yard)) == 3
    yard.end(job_id(1))
    assert held(yard) == {2: job_id(2)}


def test_what_is_planned_is_held_before_anybody_has_answered() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=2))
    yard.snapshot.apply(yard.plan())
    assert set(held(yard).values()) == {job_id(1)}
    assert [(row.code, row.jobs) for row in first(yard).queue] == [("starting", 1)]


def test_a_node_that_came_back_smaller_has_no_more_held_than_it_has() -> None:
    yard = Yard(node("a", v100=4, cpus=8))
    yard.submit(job(1, devices=4, cpus=8, memory_mib=60_000))
    yard.cycle()
    yard.report(node("a", v100=1, cpus=2, memory_mib=1000))
    here = told(yard)
    assert held(yard) == {0: job_id(1)}
    assert (here.cpus_held, here.memory_held_mib) == (2, 1000)
    assert sample(yard.snapshot, yard.now, 30).devices["v100"].held == 1


def test_devices_beyond_those_that_strangers_leave_are_shown_as_held_and_no_more_are_free_than_there_are() -> None:
    yard = Yard(node("a", v100=8))
    yard.submit(job(1, devices=5), job(2, devices=3))
    yard.cycle()
    yard.start(job_id(1))
    yard.end(job_id(1))
    yard.report(node("a", v100=5))  # job 2 has 5, 6 and 7; strangers hold three of the others
    assert held(yard) == {2: job_id(2), 3: job_id(2), 4: job_id(2)}
    yard.submit(job(3, devices=3), job(4, devices=2))
    plan = yard.cycle()
    assert [(one.id, [share.devices for share in one.allocation.shares]) for one in plan.placements] == [
        (job_id(4), [(0, 1)])
    ]
    assert set(held(yard)) == set(range(5))
    assert sample(yard.snapshot, yard.now, 30).devices["v100"].held == 5


def test_a_node_that_has_not_reported_is_silent_and_has_nothing() -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(job(1, devices=2))
    yard.cycle()
    unknown = Yard()
    unknown.submit(*yard.jobs.values())
    here = told(unknown)
    assert here.silent
    assert (here.cpus, here.memory_mib, here.since, here.devices) == (None, None, None, ())
    assert sample(unknown.snapshot, unknown.now, 30).devices == {}


def test_a_silent_node_says_when_it_reported_last_and_one_that_is_ready_since_when() -> None:
    report = node("a", v100=2).model_copy(update={"since": START.replace(hour=7)})
    yard = Yard(report)
    assert (told(yard).silent, told(yard).since) == (False, START.replace(hour=7))
    yard.pass_time(31, silent=["a"])
    assert (told(yard).silent, told(yard).since) == (True, START)


def test_a_node_that_is_closed_shows_all_that_it_has_what_jobs_hold_of_it_and_why() -> None:
    yard = Yard(node("a", cpus=8, v100=4), node("b", v100=1))
    yard.submit(job(1, devices=3, cpus=2, memory_mib=100))
    yard.cycle()
    yard.report(closed(yard.nodes["a"]))
    here = told(yard)
    assert here.closed == CORDONED
    assert held(yard) == {0: job_id(1), 1: job_id(1), 2: job_id(1)}
    assert (here.devices[0].total, here.cpus, here.cpus_held, here.memory_held_mib) == (4, 8, 2, 100)
    counted = sample(yard.snapshot, yard.now, 30).devices["v100"]
    assert (counted.total, counted.held) == (5, 3)
    assert yard.snapshot.nodes.devices() == {"v100": 5}
    yard.submit(job(2, devices=1), job(3, devices=1))
    assert [share.node for one in yard.cycle().placements for share in one.allocation.shares] == ["b"]
    yard.report(node("a", cpus=8, v100=4))
    assert (told(yard).closed, told(yard).devices[0].total) == (None, 4)


def test_a_device_that_rests_is_neither_held_nor_free() -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(job(1, devices=1))
    yard.cycle()
    yard.refuse(job_id(1))
    (devices,) = told(yard).devices
    assert (devices.total, devices.resting, devices.held) == (2, 1, ())


def test_simulated_devices_are_marked() -> None:
    yard = Yard(node("a", v100=2).model_copy(update={"simulated": ("v100",)}), node("b", v100=1, h100=1))
    marks = {(one.node, d.device_type): d.simulated for one in first(yard).nodes for d in one.devices}
    assert marks == {("a", "v100"): True, ("b", "v100"): False, ("b", "h100"): False}


def test_the_queue_says_who_waits_for_what_and_counts_everybody_once() -> None:
    yard = Yard(node("a", v100=2, cpus=2))
    yard.submit(job(1, devices=2))
    yard.cycle()
    yard.submit(job(2, devices=2), job(3, devices=1, vc="lab"), job(4, devices=1, vc="lab"))
    yard.submit(job(5, cpus=64), job(6, not_before=yard.now.replace(year=2030)))
    yard.plan()
    found = first(yard)
    assert {(row.vc, row.device_type, row.code): (row.jobs, row.devices) for row in found.queue} == {
        ("default", "v100", "waiting_for_devices"): (1, 2),
        ("lab", "v100", "waiting_for_devices"): (2, 2),
        ("default", "cpu", "no_node_fits"): (1, 0),
        ("default", "cpu", "held_until"): (1, 0),
    }
    assert found.waiting == sum(row.jobs for row in found.queue) == 5
    assert {row.vc: (row.waiting, row.running) for row in found.open} == {"default": (3, 0), "lab": (2, 0)}


def test_many_nodes_come_in_pages_that_fit_a_message_each_node_once_and_the_queue_with_the_first() -> None:
    yard = Yard(*(node(f"node-{number:04}", v100=8) for number in range(600)))
    yard.submit(*(job(number, devices=1) for number in range(4000)), job(5000, devices=9))
    yard.cycle()
    pages = [first(yard)]
    while pages[-1].more:
        pages.append(page(yard.snapshot, Reasons(yard.snapshot), pages[-1].nodes[-1].node))
    assert len(pages) > 2
    assert [one.node for those in pages for one in those.nodes] == [f"node-{number:04}" for number in range(600)]
    assert all(len(those.model_dump_json()) < 400 * 1024 for those in pages)
    assert [bool(those.queue or those.open or those.waiting) for those in pages] == [True] + [False] * (len(pages) - 1)
    for those in pages:
        named = {held.job_id for one in those.nodes for devices in one.devices for held in devices.held}
        assert named == {holder.id for holder in those.holders}


def test_an_offer_is_the_largest_node_and_the_sum_of_those_that_report() -> None:
    yard = Yard(node("a", v100=8, cpus=16, memory_mib=1000), node("b", v100=2, h100=4, cpus=32), node("c", old=9))
    yard.pass_time(31, silent=["c"])
    found = offer(yard.snapshot)
    assert [(one.device_type, one.total, one.most, one.simulated) for one in found.devices] == [
        ("h100", 4, 4, False),
        ("v100", 10, 8, False),
    ]
    assert (found.cpus, found.memory_mib, found.uses_images) == (32, 65_536, None)


def test_what_closed_nodes_have_and_devices_that_others_use_are_offered() -> None:
    taken = of_which(node("b", cpus=7.5, v100=2), cpus=8, v100=4)
    found = offer(Yard(closed(node("a", cpus=4, h100=8)), taken).snapshot)
    assert [(one.device_type, one.total, one.most) for one in found.devices] == [("h100", 8, 8), ("v100", 4, 4)]
    assert found.cpus == 7.5, "what others use of an open node's cpus they use always"
    assert offer(Yard(closed(node("a", cpus=4, h100=8))).snapshot).cpus == 4


@pytest.mark.parametrize(("said", "uses"), [((False, False), False), ((False, True), True), ((None, False), False)])
def test_images_are_used_if_any_node_does(said: tuple[bool | None, ...], uses: bool) -> None:
    reports = (node(f"n{number}").model_copy(update={"uses_images": one}) for number, one in enumerate(said))
    assert offer(Yard(*reports).snapshot).uses_images is uses


def test_an_empty_yard_offers_nothing_and_is_still_sampled() -> None:
    yard = Yard()
    assert offer(yard.snapshot).model_dump() == {
        "devices": (),
        "cpus": None,
        "memory_mib": None,
        "uses_images": None,
    }
    assert (first(yard).nodes, first(yard).waiting) == ((), 0)
    assert sample(yard.snapshot, yard.now, 30).devices == {}


def test_a_sample_counts_devices_by_type_and_by_virtual_cluster() -> None:
    yard = Yard(node("a", v100=4), node("b", v100=4, h100=2))
    yard.submit(job(1, devices=3), job(2, devices=4, vc="lab"), job(3, devices=2, device_type="h100", vc="lab"))
    yard.cycle()
    yard.start(job_id(1))
    yard.submit(job(4, devices=4, vc="lab"))
    found = sample(yard.snapshot, yard.now, 30)
    assert {name: (one.total, one.held) for name, one in found.devices.items()} == {"v100": (8, 7), "h100": (2, 2)}
    assert (found.waiting, found.running) == (1, 1)
    assert (found.vcs["lab"].waiting, found.vcs["lab"].running) == (1, 0)
    assert found.vcs["lab"].held == {"v100": 4, "h100": 2}
    assert found.vcs["default"].held == {"v100": 3}


def test_of_too_many_virtual_clusters_a_sample_tells_of_those_that_hold_or_want_the_most() -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(*(job(number, devices=1, vc=f"vc-{number}") for number in range(300)))
    yard.submit(job(500, devices=1, vc="vc-299"))
    yard.cycle()
    found = sample(yard.snapshot, yard.now, 30)
    assert len(found.vcs) == 256
    assert {"vc-0", "vc-1", "vc-299"} <= found.vcs.keys()
    assert found.waiting == 299
