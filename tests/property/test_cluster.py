"""Whatever happens in a yard: no sum exceeds what there is, everybody who waits is counted, and nobody reads a name
that is not for them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.gateway.cluster import Clusters
from services.gateway.domain.access import Caller, Role
from services.gateway.resources.cluster import Cluster
from services.scheduler.domain.cluster import page, sample
from services.scheduler.domain.reasons import Reasons
from shared.contracts.cluster import AskCluster
from shared.contracts.commands.cluster import CLUSTER
from shared.contracts.job import HOLDING, JobStatus
from tests.support.gateway import DoubleBus, ManualTime
from tests.support.yard import Yard, closed, job, node

VCS = ("red", "green", "blue")
PEOPLE = ("ada", "bob", "eve")


def _submit(yard: Yard, data: st.DataObject) -> None:
    number = len(yard.jobs) + 1
    devices = data.draw(st.integers(0, 4))
    vc, owner = data.draw(st.sampled_from(VCS)), data.draw(st.sampled_from(PEOPLE))
    name = f"of-{owner}-in-{vc}-{number}"
    preemptible = data.draw(st.booleans())
    yard.submit(job(number, devices=devices, vc=vc, owner=owner, name=name, preemptible=preemptible))


def _cycle(yard: Yard, data: st.DataObject) -> None:
    yard.cycle()


def _plan_only(yard: Yard, data: st.DataObject) -> None:
    yard.snapshot.apply(yard.plan())
    for id in list(yard.snapshot.pending):
        if data.draw(st.booleans()):
            yard.snapshot.give_back(id)
        else:
            yard.place(yard.snapshot.pending[id])


def _move(yard: Yard, data: st.DataObject) -> None:
    held = yard.of(*HOLDING)
    if not held:
        return
    one = data.draw(st.sampled_from(held))
    if one.state.status is JobStatus.SCHEDULING:
        data.draw(st.sampled_from((yard.start, yard.refuse)))(one.id)
    else:
        yard.end(one.id)


def _resize(yard: Yard, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(("a", "b")))
    yard.report(node(name, cpus=data.draw(st.integers(1, 8)), v100=data.draw(st.integers(0, 6))))


def _close(yard: Yard, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(("a", "b")))
    if yard.nodes[name].closed is None:
        yard.report(closed(yard.nodes[name]))


def _fall_silent(yard: Yard, data: st.DataObject) -> None:
    yard.pass_time(31, silent=data.draw(st.sets(st.sampled_from(("a", "b")))))


STEPS: tuple[Callable[[Yard, Any], None], ...] = (
    _submit,
    _submit,
    _cycle,
    _plan_only,
    _move,
    _resize,
    _close,
    _fall_silent,
)


@st.composite
def yards(draw: st.DrawFn) -> Yard:
    yard, data = Yard(node("a", cpus=4, v100=4), node("b", cpus=4, v100=2, h100=1)), draw(st.data())
    for _ in range(draw(st.integers(0, 15))):
        draw(st.sampled_from(STEPS))(yard, data)
    return yard


callers = st.builds(
    lambda name, admin, vcs: Caller(name, admin, dict.fromkeys(vcs, Role.MEMBER)),
    st.sampled_from(PEOPLE),
    st.booleans(),
    st.sets(st.sampled_from(VCS)),
)


def seen(yard: Yard, caller: Caller) -> Cluster:
    bus = DoubleBus()
    reasons = Reasons(yard.snapshot)

    def answer(ask: AskCluster) -> Any:
        """A node a page, so that the pages are joined."""
        whole = page(yard.snapshot, reasons, ask.after)
        return whole.model_copy(update={"nodes": whole.nodes[:1], "more": len(whole.nodes) > 1})

    bus.answers[CLUSTER.subject] = answer
    return asyncio.run(Clusters(bus, ManualTime(), 5).now(caller, caller.vcs))


@given(yards(), callers)
def test_no_sum_exceeds_what_there_is_and_the_parts_agree(yard: Yard, caller: Caller) -> None:
    found = seen(yard, caller)
    there = sum(sum((report.whole or report).devices.values()) for report in yard.nodes.values())
    assert sum(total.total for total in found.totals.devices) == there
    for total in found.totals.devices:
        those = [one for n in found.nodes for one in n.devices if one.device_type == total.device_type]
        assert total.used == sum(one.used for one in those) == sum(s is not None for one in those for s in one.slots)
        assert total.used + total.free <= total.total == sum(len(one.slots) for one in those)
        assert sum(vc.used.get(total.device_type, 0) for vc in found.vcs) <= total.used
    for one in found.nodes:
        assert 0 <= one.cpus_used <= (one.cpus or 0)
        assert 0 <= one.memory_mib_used <= (one.memory_mib or 0)
    sampled = sample(yard.snapshot, yard.now, 30)
    assert {name: (count.total, count.held) for name, count in sampled.devices.items()} == {
        total.device_type: (total.total, total.used) for total in found.totals.devices
    }


@given(yards(), callers)
def test_everybody_who_waits_is_counted_once(yard: Yard, caller: Caller) -> None:
    found = seen(yard, caller)
    waiting = yard.of(JobStatus.QUEUED)
    assert found.queue.waiting == len(waiting) == sum(row.waiting for row in found.queue.by_reason)
    for vc in found.vcs:
        assert vc.waiting == sum(one.vc == vc.name for one in waiting)
        assert vc.waiting == sum(row.waiting for row in found.queue.by_reason if row.vc == vc.name)


@given(yards(), callers)
def test_a_job_of_a_virtual_cluster_that_one_does_not_belong_to_is_never_named(yard: Yard, caller: Caller) -> None:
    text = seen(yard, caller).model_dump_json()
    for one in yard.jobs.values():
        if not caller.admin and one.vc not in caller.vcs and one.owner != caller.name:
            assert one.id not in text
            assert one.name not in text
    for vc in VCS:
        if not caller.admin and vc not in caller.vcs:
            own = any(one.vc == vc and one.owner == caller.name for one in yard.jobs.values())
            assert own or f'"{vc}"' not in text
