"""What fits on a node: no device twice, no processor or megabyte more than there is, and a sentence for the rest."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.executor.domain.admission import Capacity, Claim, Usage, admit, claims_of, objection
from shared.contracts.job import CPU, Reason, Share

HERE = "node-1"
NODE = Capacity(cpus=4.0, memory_mib=1000, devices={"v100": 2, "ascend910": 8})


def claim(*devices: int, device_type: str = "v100", cpus: float = 1.0, memory_mib: int = 0) -> Claim:
    return Claim(HERE, device_type if devices else CPU, devices, cpus, memory_mib)


def refused(wanted: Claim, *running: Claim) -> Reason:
    reason = objection(wanted, NODE, Usage(running))
    assert reason is not None
    return reason


def test_what_fits_meets_no_objection() -> None:
    assert objection(claim(0, 1, cpus=4, memory_mib=1000), NODE, Usage()) is None
    assert objection(claim(1), NODE, Usage([claim(0)])) is None


def test_each_rank_claims_its_own_devices_and_as_much_else_as_the_others() -> None:
    shares = (Share(node=HERE, devices=(3,)), Share(node="node-2", rank=1, devices=(4,)))
    here, there = Claim(HERE, "v100", (3,), 2.5, 64), Claim("node-2", "v100", (4,), 2.5, 64)
    assert claims_of("v100", shares, 2.5, 64) == (here, there)


def test_a_run_is_let_in_with_all_of_its_ranks_or_with_none() -> None:
    usage, capacities = Usage(), {HERE: NODE}
    three = [claim(0, cpus=1.5), claim(1, cpus=1.5), claim(cpus=1.5)]
    reason = admit(three, capacities, usage)
    assert reason is not None
    assert (reason.code, reason.details) == ("cpus_busy", {"free": 1.0, "cpus": 1.5})
    assert (usage.cpus(HERE), usage.occupied(claim(0, 1))) == (0, ())
    assert admit(three[:2], capacities, usage) is None
    assert (usage.cpus(HERE), usage.occupied(claim(0, 1))) == (3, (0, 1))


def test_nodes_are_counted_apart_and_one_that_nothing_is_known_of_takes_what_comes() -> None:
    other = Claim("node-2", "v100", (0,), 4, 1000)
    full = Usage([other])
    assert admit([claim(0, cpus=4)], {HERE: NODE, "node-2": NODE}, full) is None
    assert admit([other], {HERE: NODE}, full) is None
    assert admit([other], {"node-2": NODE}, full) is not None


def test_a_device_that_another_run_holds_is_named() -> None:
    reason = refused(claim(0, 1), claim(1))
    assert (reason.code, reason.details) == ("devices_busy", {"devices": [1]})
    assert reason.message == "Another run holds v100 1 on this node."


def test_devices_that_others_hold_are_counted_whatever_indices_ours_have() -> None:
    shared = Capacity(cpus=64.0, memory_mib=1000, devices={"v100": 5})  # of eight; strangers hold three
    usage = Usage([claim(5, 6, 7)])
    reason = objection(claim(0, 1, 2), shared, usage)
    assert reason is not None
    assert (reason.code, reason.details) == ("devices_busy", {"devices": [0, 1, 2]})
    assert reason.message == "2 of 5 devices of type v100 are free on this node, the job asks for 3."
    assert objection(claim(0, 1), shared, usage) is None
    usage.remove(claim(5, 6, 7))
    assert objection(claim(0, 1, 2), shared, usage) is None


def test_the_same_index_of_another_type_is_another_device() -> None:
    assert objection(claim(0), NODE, Usage([claim(0, device_type="ascend910")])) is None


def test_a_device_that_the_node_has_not_is_missing_and_not_busy() -> None:
    reason = refused(claim(1, 2), claim(1))
    assert (reason.code, reason.details) == ("devices_missing", {"devices": [2], "count": 2})
    assert reason.message == "This node has 2 devices of type v100, and not number 2."
    assert refused(claim(0, device_type="h100")).details["count"] == 0


def test_a_device_that_is_lost_is_refused_also_while_an_earlier_run_holds_it() -> None:
    node = Capacity(cpus=4.0, memory_mib=1000, devices={"v100": 2}, lost={("v100", 1)})
    reason = objection(claim(0, 1), node, Usage([claim(1)]))
    assert reason is not None
    assert (reason.code, reason.details) == ("devices_lost", {"devices": [1]})
    assert reason.message == "The driver of this node does not find v100 1 any more."
    assert objection(claim(0), node, Usage()) is None


def test_processors_are_counted_and_what_is_left_is_told() -> None:
    reason = refused(claim(cpus=2), claim(cpus=2.5))
    assert (reason.code, reason.details) == ("cpus_busy", {"free": 1.5, "cpus": 2.0})
    assert reason.message == "1.5 of 4 cpus are free on this node, the job asks for 2."


def test_tenths_of_processors_add_up_without_a_rest() -> None:
    tenths = [claim(cpus=0.1) for _ in range(39)]
    assert objection(claim(cpus=0.1), NODE, Usage(tenths)) is None
    assert refused(claim(cpus=0.01), *tenths, claim(cpus=0.1)).code == "cpus_busy"


def test_memory_is_counted_and_a_job_that_asks_for_none_always_fits() -> None:
    running = claim(memory_mib=600)
    reason = refused(claim(memory_mib=401), running)
    assert (reason.code, reason.details) == ("memory_busy", {"free_mib": 400, "memory_mib": 401})
    assert "400 MiB of memory are free" in reason.message
    assert objection(claim(memory_mib=400), NODE, Usage([running])) is None
    assert objection(claim(memory_mib=0), NODE, Usage([claim(memory_mib=5000)])) is None


def test_ranks_are_counted_where_a_node_takes_only_so_many_and_nowhere_else() -> None:
    small = replace(NODE, pods=2)
    assert objection(claim(cpus=0.1), small, Usage([claim(cpus=0.1)])) is None
    reason = objection(claim(cpus=0.1), small, Usage([claim(cpus=0.1)] * 2))
    assert reason is not None and (reason.code, reason.details) == ("pods_busy", {"pods": 2})
    assert objection(claim(cpus=0.001), NODE, Usage([claim(cpus=0.001)] * 500)) is None


CLAIMS = st.builds(
    claim,
    st.integers(0, 2),
    device_type=st.sampled_from(["v100", "ascend910"]),
    cpus=st.sampled_from([0.01, 0.1, 0.5, 1.0, 2.25]),
    memory_mib=st.integers(0, 500),
)


@given(st.lists(CLAIMS, max_size=30))
def test_whatever_is_admitted_one_after_another_stays_within_the_node(claims: list[Claim]) -> None:
    usage = Usage()
    admitted: list[Claim] = []
    for wanted in claims:
        if objection(wanted, NODE, usage) is None:
            usage.add(wanted)
            admitted.append(wanted)
    held = [(item.device_type, index) for item in admitted for index in item.devices]
    assert len(held) == len(set(held))
    assert all(index < NODE.devices[device_type] for device_type, index in held)
    assert sum(round(item.cpus * 100) for item in admitted) <= NODE.cpus * 100
    assert sum(item.memory_mib for item in admitted if item.memory_mib) <= NODE.memory_mib
