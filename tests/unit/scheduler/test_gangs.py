"""Jobs of several nodes: they start whole or not at all, with one executor, and others make room for all of it."""

from typing import Any

from services.scheduler.domain.plan import Plan
from services.scheduler.domain.reasons import Reasons
from shared.contracts.job import JobStatus, Reason
from tests.support.yard import Yard, job, job_id, node

LOW: dict[str, Any] = {"priority": 50, "preemptible": True}
HIGH: dict[str, Any] = {"priority": 500}


def cluster(*devices: int, executor: str | None = "k") -> Yard:
    """Nodes a, b, c, ... of one executor, each with so many devices."""
    return Yard(*(node(name, executor=executor, v100=count) for name, count in zip("abcdef", devices, strict=False)))


def running(yard: Yard, *numbers: int) -> None:
    yard.cycle()
    for number in numbers:
        yard.start(job_id(number))


def placed(plan: Plan) -> dict[str, list[tuple[str, tuple[int, ...]]]]:
    """Job to (node, devices), rank by rank."""
    return {
        placement.id: [(share.node, share.devices) for share in placement.allocation.shares]
        for placement in plan.placements
    }


def victims(plan: Plan) -> list[str]:
    return [preemption.id for preemption in plan.preemptions]


def why(yard: Yard, number: int) -> Reason:
    (explanation,) = Reasons(yard.snapshot).explain([job_id(number)])
    return explanation.reason


def test_every_rank_has_its_node_its_devices_and_who_answers_for_it() -> None:
    yard = cluster(4, 4)
    yard.submit(job(1, devices=4, nodes=2))
    (placement,) = yard.cycle().placements
    said = [(share.rank, share.node, share.devices, share.executor) for share in placement.allocation.shares]
    assert said == [(0, "a", (0, 1, 2, 3), "k"), (1, "b", (0, 1, 2, 3), "k")]
    assert placement.allocation.answerer == "k"


def test_ranks_that_fit_on_one_node_share_it_and_have_devices_of_their_own() -> None:
    yard = cluster(4, 4, 4)
    yard.submit(job(1, devices=1, nodes=3))
    assert placed(yard.cycle()) == {job_id(1): [("a", (0,)), ("a", (1,)), ("a", (2,))]}


def test_the_fewest_nodes_are_taken_and_the_last_ranks_leave_the_smallest_hole() -> None:
    yard = cluster(2, 8, 3, 8)
    yard.submit(job(1, devices=1, nodes=18))
    plan = placed(yard.cycle())[job_id(1)]
    assert [name for name, _ in plan] == ["b"] * 8 + ["d"] * 8 + ["a"] * 2


def test_a_part_of_it_does_not_start() -> None:
    yard = cluster(4, 4)
    yard.submit(job(1, devices=3), job(2, devices=4, nodes=2))
    assert list(placed(yard.cycle())) == [job_id(1)]
    yard.end(job_id(1))
    assert list(placed(yard.cycle())) == [job_id(2)]


def test_machines_that_answer_for_themselves_do_not_share_a_job() -> None:
    yard = cluster(4, 4, executor=None)
    yard.submit(job(1, devices=4, nodes=2), job(2, devices=2, nodes=2))
    (placement,) = yard.cycle().placements
    assert placement.id == job_id(2)
    assert [(share.node, share.devices) for share in placement.allocation.shares] == [("a", (0, 1)), ("a", (2, 3))]
    assert placement.allocation.answerer == "a"


def test_nodes_of_another_executor_are_not_counted_in() -> None:
    yard = Yard(node("a", executor="k", v100=4), node("b", executor="m", v100=4), node("c", executor="m", v100=4))
    yard.submit(job(1, devices=4, nodes=3), job(2, devices=4, nodes=2))
    assert placed(yard.cycle()) == {job_id(2): [("b", (0, 1, 2, 3)), ("c", (0, 1, 2, 3))]}


def test_a_node_that_moved_to_another_executor_counts_there() -> None:
    yard = Yard(node("a", executor="k", v100=4), node("b", executor="m", v100=4))
    yard.submit(job(1, devices=4, nodes=2))
    assert not yard.cycle().placements
    yard.report(node("b", executor="k", v100=4))
    assert list(placed(yard.cycle())) == [job_id(1)]


def test_victims_leave_on_several_nodes_and_the_room_is_kept_until_the_last_has_left() -> None:
    yard = cluster(4, 4)
    yard.submit(job(1, devices=4, **LOW), job(2, devices=4, **LOW))
    running(yard, 1, 2)
    yard.submit(job(3, devices=4, nodes=2, **HIGH))
    assert sorted(victims(yard.cycle())) == [job_id(1), job_id(2)]
    yard.end(job_id(1))
    yard.submit(job(4, devices=1))
    assert not yard.cycle().placements
    yard.end(job_id(2))
    assert list(placed(yard.cycle())) == [job_id(3)]


def test_nobody_stops_for_room_that_is_not_needed() -> None:
    yard = cluster(4, 4, 4)
    yard.submit(job(1, devices=4, **LOW), job(2, devices=4, **LOW))
    running(yard, 1)
    yard.pass_time(3600)
    yard.start(job_id(2))
    yard.submit(job(3, devices=4, nodes=2, **HIGH))
    assert victims(yard.cycle()) == [job_id(2)]


def test_a_gang_leaves_whole_and_loses_what_all_its_ranks_hold() -> None:
    yard = cluster(4, 4, 4)
    yard.submit(job(1, devices=4, nodes=2, **LOW), job(2, devices=4, **LOW))
    running(yard, 2)
    yard.pass_time(50)
    yard.start(job_id(1))
    yard.pass_time(100)
    yard.submit(job(3, devices=4, **HIGH))
    assert victims(yard.cycle()) == [job_id(2)]
    yard.submit(job(4, devices=4, nodes=2, **HIGH))
    assert victims(yard.cycle()) == [job_id(1)]
    yard.end(job_id(2))
    yard.end(job_id(1))
    assert list(placed(yard.cycle())) == [job_id(3), job_id(4)]


def test_whoever_is_not_needed_once_a_gang_leaves_stays() -> None:
    yard = cluster(4, 4, 4)
    yard.submit(job(1, devices=4, **LOW), job(2, devices=4, nodes=2, **LOW))
    running(yard, 1, 2)
    yard.pass_time(100)
    yard.submit(job(3, devices=4, nodes=2, **HIGH))
    assert victims(yard.cycle()) == [job_id(2)]


def test_nobody_stops_where_not_even_all_of_them_are_enough() -> None:
    yard = cluster(4, 4)
    yard.submit(job(1, devices=4, **LOW), job(2, devices=4))
    running(yard, 1, 2)
    yard.submit(job(3, devices=4, nodes=2, priority=1000))
    assert not victims(yard.cycle())


def test_a_scheduler_that_starts_anew_knows_all_places_that_were_promised() -> None:
    yard = cluster(4, 4)
    yard.submit(job(1, devices=4, **LOW), job(2, devices=4, **LOW))
    running(yard, 1, 2)
    yard.submit(job(3, devices=4, nodes=2, **HIGH))
    yard.cycle()
    promise = yard.snapshot.promises[job_id(3)]
    fresh = Yard(*yard.nodes.values())
    fresh.submit(*yard.jobs.values())
    assert fresh.snapshot.promises[job_id(3)].places == promise.places == (("a", 1), ("b", 1))
    assert not fresh.cycle().preemptions


def test_a_start_that_was_refused_rests_all_places_and_counts_once() -> None:
    yard = cluster(4)
    yard.submit(job(1, nodes=2))
    yard.cycle()
    yard.refuse(job_id(1))
    yard.pass_time(0.6)
    assert list(placed(yard.cycle())) == [job_id(1)]


def test_it_hears_how_many_of_its_nodes_could_start() -> None:
    yard = cluster(8, 8, 8, 8)
    yard.submit(job(1, devices=1), job(2, devices=8, nodes=4))
    yard.cycle()
    reason = why(yard, 2)
    assert reason.code == "gang"
    assert reason.message == (
        "Needs 4 nodes of 8 v100 and 1 cpu each, all at the same time; 3 of them could start now: 31 are free, 1 is "
        "held by 1 job. It is the first in line."
    )
    assert reason.details["could_start"] == 3
    assert reason.details["needs"] == {"device_type": "v100", "devices": 8, "cpus": 1.0, "memory_mib": 0, "nodes": 4}


def test_a_gang_that_holds_devices_on_many_nodes_is_one_job_in_a_reason() -> None:
    yard = cluster(4, 4)
    yard.submit(job(1, devices=4, nodes=2), job(2, devices=1))
    yard.cycle()
    assert "8 are held by 1 job." in why(yard, 2).message


def test_a_gang_that_no_executor_could_ever_start_hears_how_many_nodes_would_do() -> None:
    yard = cluster(4, 4)
    yard.submit(job(1, devices=4, nodes=3), job(2, devices=8, nodes=2))
    reason = why(yard, 1)
    assert (reason.code, reason.details["most"]) == ("gang_too_large", 2)
    assert reason.message == (
        "Asks for 3 nodes of 4 v100 and 1 cpu each; even if nothing else ran there, at most 2 of them would find room "
        "on one machine or cluster, which all of them have to share. Kill it and submit it with fewer nodes, or "
        "smaller ones."
    )
    assert why(yard, 2).code == "no_node_fits"
    assert "on each of its nodes" in why(yard, 2).message


def test_a_gang_that_needs_silent_nodes_hears_which() -> None:
    yard = cluster(4, 4, 4)
    yard.submit(job(1, devices=4, nodes=3))
    yard.pass_time(31, silent=["b", "c"])
    assert why(yard, 1).code == "node_silent"
    assert why(yard, 1).message.startswith("Fits only with the nodes b, c, which have not reported")


def test_a_gang_that_runs_on_silent_nodes_hears_which_of_its_nodes_these_are() -> None:
    yard = cluster(4, 4, 4)
    yard.submit(job(1, devices=2, nodes=6))
    running(yard, 1)
    yard.pass_time(31, silent=["b", "c"])
    reason = why(yard, 1)
    assert (reason.code, reason.details) == ("node_silent", {"node": "b", "nodes": ["b", "c"]})
    assert reason.message.startswith("Nodes b, c have not reported for more than 30 seconds.")


def test_a_gang_that_would_fit_waits_for_its_turn() -> None:
    yard = cluster(4, 4)
    yard.submit(job(1, devices=4, nodes=2))
    assert why(yard, 1).code == "waiting_for_turn"


def test_a_gang_for_which_others_stop_hears_on_which_nodes() -> None:
    yard = cluster(4, 4)
    yard.submit(job(1, devices=4, **LOW), job(2, devices=4, **LOW))
    running(yard, 1, 2)
    yard.submit(job(3, devices=4, nodes=2, **HIGH))
    plan = yard.cycle()
    assert why(yard, 3).code == "making_room"
    assert "on nodes a, b to stop and make room for its 2 nodes of 4 v100" in why(yard, 3).message
    assert why(yard, 3).details["nodes"] == ["a", "b"]
    told = {preemption.id: preemption.reason for preemption in plan.preemptions}
    for number, name in ((1, "a"), (2, "b")):
        assert f"needs its place on node {name};" in told[job_id(number)].message
        assert told[job_id(number)].details["nodes"] == [name]


def test_a_gang_that_has_its_places_hears_where() -> None:
    yard = cluster(4, 4)
    yard.submit(job(1, devices=4, nodes=2))
    yard.cycle()
    assert why(yard, 1).message == "Has its 2 places on nodes a, b and is being started."
    assert why(yard, 1).details == {"node": "a", "nodes": ["a", "b"]}


def test_jobs_behind_a_gang_that_pass_it_are_counted() -> None:
    yard = cluster(4, 4)
    yard.submit(job(1, devices=3), job(2, devices=4, nodes=2), job(3, devices=2))
    yard.cycle()
    assert why(yard, 2).details["passed_by"] == 1
    assert yard.snapshot.jobs[job_id(2)].state.status is JobStatus.QUEUED
