"""What fits on a node: no device twice, no processor or megabyte more than there is, and a sentence for the rest."""

from hypothesis import given
from hypothesis import strategies as st

from services.executor.domain.admission import Capacity, Claim, Usage, claim_of, objection
from shared.contracts.job import CPU, Reason, Share
from tests.support.executor import view_of

NODE = Capacity(cpus=4.0, memory_mib=1000, devices={"v100": 2, "ascend910": 8})


def claim(*devices: int, device_type: str = "v100", cpus: float = 1.0, memory_mib: int = 0) -> Claim:
    return Claim(device_type if devices else CPU, devices, cpus, memory_mib)


def refused(wanted: Claim, *running: Claim) -> Reason:
    reason = objection(wanted, NODE, Usage(running))
    assert reason is not None
    return reason


def test_what_fits_meets_no_objection() -> None:
    assert objection(claim(0, 1, cpus=4, memory_mib=1000), NODE, Usage()) is None
    assert objection(claim(1), NODE, Usage([claim(0)])) is None


def test_a_claim_is_what_the_share_and_the_job_say() -> None:
    view = view_of(devices=(3, 4), cpus=2.5, memory_mib=64)
    share = Share(node="node-1", devices=(4,))
    assert claim_of(view, share) == Claim("v100", (4,), 2.5, 64)


def test_a_device_that_another_run_holds_is_named() -> None:
    reason = refused(claim(0, 1), claim(1))
    assert (reason.code, reason.details) == ("devices_busy", {"devices": [1]})
    assert reason.message == "Another run holds v100 1 on this node."


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
