"""The jobs that have what another one waits for, by name, as somebody who looks at that one job hears of them."""

from services.scheduler.domain.blockers import with_blockers
from services.scheduler.domain.reasons import Reasons
from shared.contracts.commands.scheduling import BLOCKERS_NAMED, Blocker, Blockers, Blocking, ExplainJobs, Explanation
from shared.contracts.job import JobStatus
from tests.support.yard import Yard, job, job_id, node


def explained(yard: Yard, number: int) -> Explanation:
    (explanation,) = Reasons(yard.snapshot).explain([job_id(number)])
    return with_blockers(yard.snapshot, explanation)


def blockers(yard: Yard, number: int) -> tuple[Blocker, ...]:
    found = explained(yard, number).blockers
    assert found is not None and found.more == 0
    return found.jobs


def numbers(*found: Blocker) -> list[str | None]:
    return [blocker.name for blocker in found]


def test_a_job_that_waits_for_devices_hears_who_holds_them_how_many_and_since_when() -> None:
    yard = Yard(node("a", v100=4, ascend910=4))
    yard.submit(job(1, devices=3, owner="eve", vc="lab", cpus=2, memory_mib=64), job(2, devices=1), job(3))
    yard.submit(job(4, devices=4, device_type="ascend910"))
    yard.cycle()
    yard.start(job_id(1))
    yard.submit(job(5, devices=2))
    yard.cycle()
    first, second = blockers(yard, 5)
    assert first == Blocker(
        id=job_id(1),
        name="job-1",
        owner="eve",
        vc="lab",
        state=Blocking.HOLDS,
        device_type="v100",
        devices=3,
        cpus=2.0,
        memory_mib=64,
        since=yard.now,
    )
    assert (second.name, second.devices, second.since) == ("job-2", 1, None)  # its run has not started


def test_those_on_the_node_that_comes_closest_to_having_room_come_first() -> None:
    yard = Yard(node("a", v100=4), node("b", v100=4), node("small", v100=1))
    yard.submit(job(1, devices=4), job(2, devices=3), job(3, devices=1, device_type="v100", cpus=1))
    yard.cycle()
    yard.submit(job(4, devices=1), job(5, devices=3))
    yard.cycle()
    assert yard.jobs[job_id(4)].state.status is JobStatus.SCHEDULING
    on = {name: [h.job for h in known.holdings.values()] for name, known in yard.snapshot.nodes.table.items()}
    yard.change(job_id(2), status=JobStatus.KILLING, then=JobStatus.KILLED)
    closest = next(name for name, held in on.items() if job_id(2) in held)
    yard.submit(job(6, devices=4))
    yard.snapshot.promises.clear()
    found = blockers(yard, 6)
    assert found[0].name == "job-2" and found[0].state == "leaves"
    assert {one.id for one in found[: len(on[closest])]} == set(on[closest])
    assert not {one.id for one in found} & set(on["small"])  # a node that could never take it


def test_a_job_that_waits_for_cpus_or_memory_hears_who_holds_those() -> None:
    yard = Yard(node("a", cpus=4, memory_mib=1000, v100=2), node("full", cpus=64, memory_mib=4000))
    yard.submit(job(1, cpus=4, memory_mib=10, devices=1), job(2, cpus=60, memory_mib=4000))
    yard.cycle()
    yard.submit(job(3, cpus=1, devices=1), job(4, cpus=1, memory_mib=3500))
    yard.cycle()
    assert explained(yard, 3).reason.code == "waiting_for_cpus"
    assert [(one.name, one.cpus) for one in blockers(yard, 3)] == [("job-1", 4.0)]
    assert explained(yard, 4).reason.code == "waiting_for_memory"
    assert [(one.name, one.memory_mib) for one in blockers(yard, 4)] == [("job-2", 4000)]


def test_a_job_that_waits_for_a_pod_hears_who_has_those_of_the_node() -> None:
    yard = Yard(node("a", pods=2), node("b", cpus=1, pods=9))
    yard.submit(job(1, cpus=30), job(2, cpus=0.5, memory_mib=60_000), job(3, cpus=10))
    yard.cycle()
    assert [yard.ranks(name) for name in "ab"] == [2, 1]
    yard.submit(job(4, cpus=2))
    yard.cycle()
    assert explained(yard, 4).reason.code == "waiting_for_pods"
    assert numbers(*blockers(yard, 4)) == ["job-1", "job-3"]


def test_a_job_for_which_others_stop_hears_of_these_alone() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=2, preemptible=True, priority=1, vc="lab"), job(2, devices=2))
    yard.cycle()
    yard.start(job_id(1))
    yard.start(job_id(2))
    yard.submit(job(3, devices=2, priority=900))
    yard.cycle()
    assert explained(yard, 3).reason.code == "making_room"
    (victim,) = blockers(yard, 3)
    assert (victim.name, victim.vc, victim.state, victim.devices) == ("job-1", "lab", "leaves", 2)


def test_a_job_that_room_is_promised_to_hears_who_leaves_there() -> None:
    yard = Yard(node("a", v100=4), node("b", v100=4))
    yard.submit(job(1, devices=4), job(2, devices=4))
    yard.cycle()
    yard.start(job_id(1))
    yard.change(job_id(2), status=JobStatus.KILLING, then=JobStatus.KILLED)
    yard.submit(job(3, devices=4))
    yard.cycle()
    assert job_id(3) in yard.snapshot.promises
    assert [(one.name, one.state) for one in blockers(yard, 3)] == [("job-2", "leaves")]


def test_a_job_that_could_start_hears_for_whom_the_room_is_kept() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=3))
    yard.cycle()
    yard.change(job_id(1), status=JobStatus.KILLING, then=JobStatus.KILLED)
    yard.submit(job(2, devices=4), job(3, devices=1))
    yard.cycle()
    assert explained(yard, 3).reason.code == "waiting_for_turn"
    (ahead,) = blockers(yard, 3)
    assert (ahead.name, ahead.state, ahead.devices, ahead.since) == ("job-2", "promised", 4, None)


def test_of_many_the_first_are_named_and_the_others_counted() -> None:
    yard = Yard(*(node(f"n{number:02}", v100=8) for number in range(4)))
    yard.submit(*(job(number, devices=1) for number in range(1, 33)))
    yard.cycle()
    yard.submit(job(99, devices=8))
    found = explained(yard, 99).blockers
    assert found is not None
    assert len({one.id for one in found.jobs}) == BLOCKERS_NAMED
    assert found.more == 32 - BLOCKERS_NAMED


def test_where_no_job_is_in_the_way_none_is_named() -> None:
    yard = Yard(node("a", v100=4))
    yard.submit(job(1, devices=8), job(2, devices=1, device_type="h100"), job(3))
    assert explained(yard, 1).reason.code == "no_node_fits"
    assert [explained(yard, number).blockers for number in (1, 2, 3)] == [None] * 3


def test_as_many_jobs_as_are_named_fit_in_a_message_many_times() -> None:
    one = Blocker(
        id=job_id(1),
        name="n" * 64,
        owner="o" * 64,
        vc="v" * 63,
        state=Blocking.PROMISED,
        device_type="d" * 63,
        devices=1024,
        cpus=4096.999,
        memory_mib=67_108_864,
        since=Yard().now,
    )
    assert len(Blockers(jobs=(one,) * BLOCKERS_NAMED, more=10**6).model_dump_json()) < 16_384
    assert ExplainJobs(ids=()).blockers_of is None


def test_a_gang_hears_who_holds_what_its_ranks_lack_and_not_of_those_where_a_rank_fits() -> None:
    yard = Yard(*(node(name, executor="k", v100=8) for name in "abc"))
    yard.submit(job(1, devices=6), job(2, devices=6), job(3, devices=2))
    yard.cycle()
    yard.submit(job(4, devices=8, nodes=2))
    yard.cycle()
    assert explained(yard, 4).reason.code == "gang"
    assert set(numbers(*blockers(yard, 4))) == {"job-1", "job-2", "job-3"}


def test_a_gang_on_one_machine_hears_who_holds_what_its_other_ranks_lack() -> None:
    yard = Yard(node("a", v100=8))
    yard.submit(job(1, devices=4))
    yard.cycle()
    yard.submit(job(2, devices=4, nodes=2))
    yard.cycle()
    assert explained(yard, 2).reason.code == "gang"
    assert [(one.name, one.devices) for one in blockers(yard, 2)] == [("job-1", 4)]


def test_a_gang_hears_who_holds_the_cpus_or_memory_that_its_ranks_lack_where_no_job_holds_devices() -> None:
    yard = Yard(node("a", cpus=8, memory_mib=1000, v100=8))
    yard.submit(job(1, cpus=5), job(2, cpus=1, memory_mib=600))
    yard.cycle()
    yard.submit(job(3, cpus=2, nodes=4), job(4, cpus=2, nodes=2, devices=4), job(5, memory_mib=300, nodes=2))
    yard.cycle()
    assert [explained(yard, number).reason.code for number in (3, 4, 5)] == ["gang"] * 3
    assert set(numbers(*blockers(yard, 3))) == {"job-1", "job-2"}
    assert set(numbers(*blockers(yard, 4))) == {"job-1", "job-2"}
    assert numbers(*blockers(yard, 5)) == ["job-2"]


def test_what_is_kept_for_a_gang_is_told_whole() -> None:
    yard = Yard(*(node(name, executor="k", v100=4) for name in "ab"))
    yard.submit(job(1, devices=3), job(2, devices=4))
    yard.cycle()
    for number in (1, 2):
        yard.start(job_id(number))
        yard.change(job_id(number), status=JobStatus.KILLING, then=JobStatus.KILLED)
    yard.submit(job(3, devices=4, nodes=2), job(4, devices=1))
    yard.cycle()
    (ahead,) = blockers(yard, 4)
    assert (ahead.name, ahead.state, ahead.devices) == ("job-3", "promised", 8)
    assert {one.name for one in blockers(yard, 3)} == {"job-1", "job-2"}
