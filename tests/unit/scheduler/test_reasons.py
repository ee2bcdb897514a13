"""Every reason that a job can have, with the sentence and the figures that a person gets."""

import ast
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from services.scheduler.domain import causes, lasting, reasons
from services.scheduler.domain.passing import KEPT
from services.scheduler.domain.reasons import Reasons
from shared.contracts.events import NodeSize
from shared.contracts.job import START_REFUSED, JobStatus, Reason
from tests.support.yard import Yard, closed, for_devices, job, job_id, node, of_which

README = Path(__file__).parents[3] / "services" / "scheduler" / "README.md"


def why(yard: Yard, number: int) -> Reason:
    (explanation,) = Reasons(yard.snapshot).explain([job_id(number)])
    return explanation.reason


def test_before_any_node_has_reported() -> None:
    yard = Yard()
    yard.submit(job(1))
    reason = why(yard, 1)
    assert reason.code == "no_nodes"
    assert reason.message == (
        "No node has reported yet, so nothing can run. Ask an operator to start an executor. It is the first in line."
    )


def test_a_device_type_that_nobody_has_names_those_there_are() -> None:
    yard = Yard(node("a", v100=8, ascend910=8))
    yard.submit(job(1, devices=1, device_type="h100"))
    reason = why(yard, 1)
    assert reason.code == "no_such_device"
    assert reason.message == (
        "No node has h100. The yard has ascend910, v100. Kill the job and submit it for what is there, or ask an "
        "operator for a node with h100."
    )
    assert reason.details["device_types"] == ["ascend910", "v100"]


def test_a_yard_without_devices_says_so() -> None:
    yard = Yard(node("a"))
    yard.submit(job(1, devices=1))
    assert "The yard has no devices." in why(yard, 1).message


def test_a_job_that_is_too_large_for_every_node_hears_what_the_largest_has() -> None:
    yard = Yard(node("a", cpus=8, memory_mib=1000, v100=4))
    yard.submit(job(1, devices=8))
    reason = why(yard, 1)
    assert reason.code == "no_node_fits"
    assert reason.message == (
        "Asks for 8 v100 and 1 cpu on one node; no node is that large, with at most 4 v100, 8 cpus and 1000 MiB. "
        "Kill it and submit it smaller."
    )
    assert reason.details["largest"] == {"devices": 4, "cpus": 8.0, "memory_mib": 1000}


def test_a_job_whose_amounts_are_there_but_not_on_one_node_hears_just_that() -> None:
    yard = Yard(node("a", cpus=4, memory_mib=1000, v100=8), node("b", cpus=64, memory_mib=500, v100=4))
    yard.submit(job(1, devices=8, cpus=32))
    reason = why(yard, 1)
    assert reason.code == "no_node_fits"
    assert reason.message == (
        "Asks for 8 v100 and 32 cpus on one node; no single node has all of it, though there are nodes with 8 v100, "
        "64 cpus and 1000 MiB. Kill it and submit it smaller."
    )


def test_a_job_that_fits_only_on_a_silent_node_hears_which() -> None:
    yard = Yard(node("a", v100=1), node("b"))
    yard.submit(job(1, devices=1))
    yard.pass_time(31, silent=["a"])
    reason = why(yard, 1)
    assert reason.code == "node_silent"
    assert reason.message == (
        "Fits only on node a, which has not reported for more than 30 seconds; it waits until a report comes again. "
        "It is the first in line."
    )
    assert reason.details["nodes"] == ["a"]


def test_nodes_that_are_closed_are_there_and_a_job_waits_for_them() -> None:
    yard = Yard(closed(node("a", v100=8)), closed(node("b", cpus=128, v100=8)), node("c", cpus=8))
    yard.submit(job(1, devices=8), job(2, cpus=100), job(3, devices=9))
    reason = why(yard, 1)
    assert reason.code == "nodes_closed"
    assert reason.message == (
        "Fits only on the nodes a, b, which are closed to new runs (cordoned or tainted); it waits until that "
        "changes. It is the first in line."
    )
    assert reason.details["nodes"] == ["a", "b"]
    assert why(yard, 2).message.startswith("Fits only on node b, which is closed to new runs (cordoned or tainted);")
    assert why(yard, 3).code == "no_node_fits"
    yard.report(node("a", v100=8))
    assert why(yard, 1).code == "waiting_for_turn"


def test_what_others_than_the_platform_use_of_a_node_is_waited_for() -> None:
    yard = Yard(of_which(node("a", cpus=30, v100=4), cpus=32, v100=8), closed(node("b", v100=8)))
    yard.submit(job(1, devices=8), job(2, devices=4))
    assert why(yard, 1).message == (
        "Fits only on the nodes a, b, which are closed to new runs (cordoned or tainted) or used by others than this "
        "platform (at most 4 v100, 30 cpus and 65536 MiB of one are left for runs); it waits until that changes. "
        "It is the first in line."
    )
    assert why(yard, 2).code == "waiting_for_turn"


def test_where_every_node_is_for_devices_a_job_without_any_hears_that() -> None:
    yard = Yard(for_devices(node("a", v100=8)))
    yard.submit(job(1))
    assert why(yard, 1).code == "no_node_fits"
    assert "every node takes only jobs that hold some of its devices" in why(yard, 1).message
    yard.report(closed(node("b")))
    assert why(yard, 1).message.startswith("Fits only on node b, which is closed to new runs")


def test_a_job_waits_for_jobs_and_not_for_closed_nodes_where_their_end_is_enough() -> None:
    yard = Yard(node("a", v100=8), closed(node("b", v100=8)))
    yard.submit(job(1, devices=8))
    yard.cycle()
    yard.submit(job(2, devices=8))
    assert why(yard, 2).message.startswith("Waits for 8 v100: 0 are free, 8 are held by 1 job.")


def test_a_gang_that_needs_closed_nodes_as_well_hears_which() -> None:
    yard = Yard(node("a", executor="e", v100=8), closed(node("b", executor="e", v100=8)))
    yard.submit(job(1, devices=8, nodes=2), job(2, devices=8, nodes=3))
    assert why(yard, 1).message.startswith("Fits only with node b, which is closed to new runs")
    assert why(yard, 2).code == "gang_too_large"


def test_a_job_on_a_node_that_fell_silent_may_still_run_there() -> None:
    yard = Yard(node("a"))
    yard.submit(job(1))
    yard.cycle()
    yard.start(job_id(1))
    assert Reasons(yard.snapshot).explain([job_id(1)]) == ()
    yard.pass_time(31, silent=["a"])
    reason = why(yard, 1)
    assert (reason.code, reason.details) == ("node_silent", {"node": "a", "nodes": ["a"]})
    assert "The job may still run there" in reason.message
    assert "ask an operator to forget it" in reason.message


def test_a_job_on_a_silent_node_of_a_cluster_is_given_up_by_an_administrator() -> None:
    yard = Yard(node("a", executor="cluster"), node("b", executor="cluster"))
    yard.submit(job(1, nodes=2, cpus=40))
    yard.cycle()
    yard.start(job_id(1))
    yard.pass_time(31, silent=["b"])
    reason = why(yard, 1)
    assert reason.details == {"node": "b", "nodes": ["b"], "executor": "cluster"}
    assert reason.message.endswith(
        "If the node is gone for good, ask a platform administrator to give the run up "
        f"(jobyard admin run force {job_id(1)})."
    )


def test_a_job_that_waits_for_devices_hears_how_many_are_held_and_how_many_come_back() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=1), job(2, devices=2), job(3, devices=2), job(4))
    yard.cycle()
    yard.change(job_id(1), status=JobStatus.KILLING, then=JobStatus.KILLED)
    yard.submit(job(5, devices=4))
    yard.cycle()
    reason = why(yard, 5)
    assert reason.code == "waiting_for_devices"
    assert reason.message == (
        "Waits for 4 v100: 1 is free, 3 are held by 2 jobs, of which 1 is being released. 1 job is ahead of it."
    )
    assert reason.details == {
        "position": 2,
        "ahead": 1,
        "needs": {"device_type": "v100", "devices": 4, "cpus": 1.0, "memory_mib": 0},
        "free": {"devices": 1, "cpus": 61.0, "memory_mib": 65536},
        "free_on_one_node": {"devices": 1, "cpus": 61.0, "memory_mib": 65536},
        "held": {"devices": 3, "cpus": 3.0, "memory_mib": 0},
        "held_by": 2,
        "releasing": {"devices": 1, "cpus": 1.0, "memory_mib": 0},
    }


def test_free_devices_that_are_spread_over_nodes_are_said_to_be() -> None:
    yard = Yard(node("a", v100=4), node("b", v100=4))
    yard.submit(job(1, devices=3), job(2, devices=3), job(3, devices=2))
    yard.cycle()
    assert why(yard, 3).message == (
        "Waits for 2 v100: 2 are free, at most 1 of them on one node, 6 are held by 2 jobs. It is the first in line."
    )


def test_a_job_that_waits_for_cpus_hears_how_many_there_are_beside_its_devices() -> None:
    yard = Yard(node("a", cpus=2, v100=4), node("b", cpus=64))
    yard.submit(job(1, devices=1, cpus=1.75), job(2, devices=1))
    yard.cycle()
    reason = why(yard, 2)
    assert reason.code == "waiting_for_cpus"
    assert reason.message == (
        "Waits for 1 cpu on a node with 1 free v100: at most 0.25 are free on one. It is the first in line."
    )
    assert reason.details["needs"] == {"device_type": "v100", "devices": 1, "cpus": 1.0, "memory_mib": 0}


def test_a_job_that_waits_for_memory_hears_how_much_there_is() -> None:
    yard = Yard(node("a", memory_mib=1000))
    yard.submit(job(1, memory_mib=900), job(2, memory_mib=101))
    yard.cycle()
    reason = why(yard, 2)
    assert reason.code == "waiting_for_memory"
    assert reason.message == "Waits for 101 MiB of memory: at most 100 MiB are free on one. It is the first in line."


def test_a_node_gets_so_many_small_jobs_as_it_may_hold_pods_and_the_next_one_hears_that() -> None:
    yard = Yard(node("a", pods=3, v100=1))
    yard.submit(*(job(number, cpus=0.25) for number in range(5)))
    yard.cycle()
    assert yard.ranks("a") == 3
    reason = why(yard, 4)
    assert reason.code == "waiting_for_pods"
    assert reason.message.startswith("Waits for a pod: nodes that have all else free hold as many pods as they may.")
    yard.end(job_id(1))
    yard.cycle()
    assert yard.ranks("a") == 3, "what one gives back another one takes"


def test_a_node_whose_pods_are_all_others_is_said_to_be_used_by_them() -> None:
    full = node("a", pods=0)
    whole = NodeSize(cpus=full.cpus, memory_mib=full.memory_mib, devices={}, pods=110)
    yard = Yard(full.model_copy(update={"whole": whole}))
    yard.submit(job(1))
    yard.cycle()
    reason = why(yard, 1)
    assert reason.code == "nodes_closed"
    assert "at most 64 cpus and 65536 MiB in 0 pods of one are left for runs" in reason.message


def test_a_wide_job_that_is_passed_hears_by_how_many_and_what_would_change_that() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=3))
    yard.cycle()
    yard.submit(job(2, devices=4))
    yard.cycle()
    assert "behind it" not in why(yard, 2).message
    assert "passed_by" not in why(yard, 2).details
    yard.submit(job(3, devices=1), job(4))
    yard.cycle()
    reason = why(yard, 2)
    assert reason.code == "waiting_for_devices"
    assert reason.message == (
        "Waits for 4 v100: 0 are free, 4 are held by 2 jobs. It is the first in line. 1 job behind it has started "
        "meanwhile and may do so again: no place is kept for it. With a higher priority it may take the place of "
        "preemptible jobs of lower priority."
    )
    assert reason.details["passed_by"] == 1, "the job without devices took nothing that it waits for"
    yard.end(job_id(3))
    yard.submit(job(5, devices=1))
    yard.cycle()
    assert "2 jobs behind it have started meanwhile" in why(yard, 2).message


def test_a_job_that_waits_for_cpus_is_passed_by_whatever_takes_cpus() -> None:
    yard = Yard(node("a", cpus=4, v100=2))
    yard.submit(job(1, cpus=2), job(2, cpus=4), job(3, devices=1))
    yard.cycle()
    reason = why(yard, 2)
    assert (reason.code, reason.details["passed_by"]) == ("waiting_for_cpus", 1)


def test_who_starts_from_before_it_does_not_pass_a_job_and_a_new_place_in_line_counts_anew() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=3))
    yard.cycle()
    yard.submit(job(2, devices=4))
    yard.submit(job(3, devices=1, priority=200))
    yard.cycle()
    assert "passed_by" not in why(yard, 2).details
    yard.end(job_id(3))
    yard.submit(job(4, devices=1))
    yard.cycle()
    assert why(yard, 2).details["passed_by"] == 1
    yard.change(job_id(2), priority=150)
    assert "passed_by" not in why(yard, 2).details


def test_a_job_that_was_passed_very_often_hears_no_exact_number() -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(job(1, devices=1), job(2, devices=2))
    yard.cycle()
    for number in range(3, KEPT + 5):
        yard.submit(job(number, devices=1))
        yard.cycle()
        yard.end(job_id(number))
    yard.submit(job(1000, devices=1))
    yard.cycle()
    assert "100 jobs or more behind it have started meanwhile" in why(yard, 2).message


def test_a_higher_priority_does_what_the_reason_of_a_passed_job_says() -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(job(1, devices=1), job(2, devices=2))
    yard.cycle()
    yard.submit(job(3, devices=1, preemptible=True))
    yard.cycle()
    yard.start(job_id(3))
    yard.end(job_id(1))
    yard.change(job_id(2), priority=101)
    yard.cycle()
    assert why(yard, 2).code == "making_room"
    assert "behind it" not in why(yard, 2).message


def test_a_job_that_has_room_waits_for_its_turn_only() -> None:
    yard = Yard(node("a"))
    yard.submit(job(1), job(2))
    reason = why(yard, 2)
    assert reason.code == "waiting_for_turn"
    assert reason.message == (
        "There is room for its 1 cpu; it starts in a moment, unless the room is kept for a job ahead of it. "
        "1 job is ahead of it."
    )


def test_a_job_whose_place_rests_after_a_refusal_hears_where() -> None:
    yard = Yard(node("a", v100=1))
    yard.submit(job(1, devices=1))
    yard.cycle()
    yard.refuse(job_id(1))
    reason = why(yard, 1)
    assert reason.code == "node_busy"
    assert reason.message == (
        "Waits for its 1 v100 and 1 cpu: node a has refused a start, since something else uses what the yard counts "
        "as free; it is tried again within a minute. It is the first in line."
    )
    assert reason.details["nodes"] == ["a"]


def test_devices_that_rest_after_a_refusal_are_neither_held_nor_being_released() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=1), job(2, devices=1))
    yard.cycle()
    yard.start(job_id(1))
    yard.refuse(job_id(2))
    yard.submit(job(3, devices=4))
    reason = why(yard, 3)
    assert reason.message.startswith(
        "Waits for 4 v100: 2 are free, 1 is held by 1 job, 1 is left alone for a time after a refused start."
    )
    assert reason.details["held"] == {"devices": 1, "cpus": 1.0, "memory_mib": 0}
    assert reason.details["releasing"] == {"devices": 0, "cpus": 0.0, "memory_mib": 0}


def test_a_job_for_which_others_stop_hears_who() -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(*(job(number, devices=1, priority=50, preemptible=True) for number in (1, 2)))
    yard.cycle()
    for number in (1, 2):
        yard.start(job_id(number))
    yard.submit(job(3, devices=2))
    yard.cycle()
    reason = why(yard, 3)
    assert reason.code == "making_room"
    victims = sorted(map(str, reason.details["victims"] if isinstance(reason.details["victims"], list) else []))
    assert victims == [job_id(1), job_id(2)]
    assert reason.message.startswith(
        "Waits for 2 jobs of lower priority on node a to stop and make room for its 2 v100 and 1 cpu: "
    )
    assert all(victim in reason.message for victim in victims)
    assert reason.details["releasing"] == {"devices": 2, "cpus": 2.0, "memory_mib": 0}


def test_a_job_for_which_jobs_of_another_vc_stop_hears_their_size_only() -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(*(job(number, devices=1, priority=50, preemptible=True, vc=f"vc-{number}") for number in (1, 2)))
    yard.cycle()
    for number in (1, 2):
        yard.start(job_id(number))
    yard.submit(job(3, devices=2, vc="vc-1"))
    yard.cycle()
    reason = why(yard, 3)
    assert reason.details["victims"] == [job_id(1)]
    assert f": {job_id(1)}, a job of another VC (1 v100 and 1 cpu)." in reason.message
    assert job_id(2) not in reason.model_dump_json()


def test_a_job_that_has_its_place_hears_where_before_and_after_the_jobs_service_agreed() -> None:
    yard = Yard(node("a", v100=2))
    yard.submit(job(1, devices=2))
    plan = yard.plan()
    yard.snapshot.apply(plan)
    said = ("starting", "Has its place on node a with v100 0, 1 and is being started.")
    assert (why(yard, 1).code, why(yard, 1).message) == said
    yard.place(plan.placements[0])
    assert (why(yard, 1).code, why(yard, 1).message) == said
    assert why(yard, 1).details == {"node": "a", "devices": [0, 1]}


def test_a_job_that_is_tried_again_hears_when() -> None:
    yard = Yard(node("a"))
    yard.submit(job(1))
    yard.cycle()
    yard.start(job_id(1))
    yard.change(
        job_id(1), status=JobStatus.QUEUED, allocation=None, not_before=yard.now + timedelta(seconds=5), failures=1
    )
    reason = why(yard, 1)
    assert reason.code == "held_until"
    assert reason.message == "Attempt 1 did not succeed; it is tried again from 2026-01-02 00:00:05 UTC on."
    assert reason.details == {"until": "2026-01-02T00:00:05.000Z", "attempt": 1}


def test_a_job_whose_start_no_other_node_would_mend_hears_what_was_said() -> None:
    yard = Yard(node("a"))
    yard.submit(job(1))
    yard.cycle()
    yard.put_off(job_id(1), Reason(code="cluster_refused", message="Exceeded quota: lab."), seconds=5)
    reason = why(yard, 1)
    assert reason.code == "start_refused"
    assert reason.message == (
        "Exceeded quota: lab. No other node would start it either; it is tried again from 2026-01-02 00:00:05 UTC on."
    )
    assert Reasons(yard.snapshot).census() == {("default", "start_refused"): 1}
    yard.pass_time(5)
    assert why(yard, 1).code == "waiting_for_turn"


def test_the_obstacle_that_lasts_longest_is_the_one_that_is_named() -> None:
    yard = Yard(node("a", cpus=2, memory_mib=100, v100=1))
    yard.submit(job(1, devices=1, cpus=2, memory_mib=100), job(2, devices=1, cpus=2, memory_mib=100))
    yard.cycle()
    assert why(yard, 2).code == "waiting_for_devices"
    yard.submit(job(3, devices=2, cpus=2, memory_mib=100))
    assert why(yard, 3).code == "no_node_fits"
    yard.submit(job(4, devices=2, device_type="h100"))
    assert why(yard, 4).code == "no_such_device"


def test_what_waiting_cannot_change_has_no_place_in_line_in_its_sentence() -> None:
    yard = Yard(node("a"))
    yard.submit(job(1, devices=1), job(2, cpus=100))
    for number in (1, 2):
        assert not why(yard, number).message.endswith(("in line.", "ahead of it."))


def test_the_same_question_has_another_answer_once_a_node_changed() -> None:
    yard = Yard(node("a", v100=1))
    yard.submit(job(1, devices=1), job(2, devices=1))
    yard.cycle()
    asked = Reasons(yard.snapshot)
    assert asked.explain([job_id(2)])[0].reason.code == "waiting_for_devices"
    yard.end(job_id(1))
    assert asked.explain([job_id(2)])[0].reason.code == "waiting_for_turn"


def test_who_does_not_wait_has_no_explanation() -> None:
    yard = Yard(node("a"))
    yard.submit(job(1), job(2), job(3))
    yard.cycle()
    yard.start(job_id(1))
    yard.end(job_id(2))
    yard.change(job_id(3), status=JobStatus.PAUSED, allocation=None)
    assert Reasons(yard.snapshot).explain([job_id(1), job_id(2), job_id(3), job_id(99)]) == ()


def test_the_readme_says_of_every_reason_what_would_change_it() -> None:
    table = set(re.findall(r"^\| `([a-z_]+)` \| .+ \| .+ \|$", README.read_text(), re.MULTILINE))
    codes = {START_REFUSED, *_codes(causes), *_codes(lasting), *_codes(reasons)}
    assert len(codes) == 17
    assert table == codes


def _codes(module: ModuleType) -> Iterator[str]:
    """The codes that a module's calls of Cause and Reason begin with, or name."""
    assert module.__file__ is not None
    for call in ast.walk(ast.parse(Path(module.__file__).read_text())):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in ("Cause", "Reason"):
            given: list[Any] = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "code")]
            codes = (getattr(module, one.id, None) if isinstance(one, ast.Name) else one for one in given)
            found = (one.value if isinstance(one, ast.Constant) else one for one in codes)
            yield from (code for code in found if isinstance(code, str))
