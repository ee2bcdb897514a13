"""What is refused before it is stored: only what no node could ever hold, however the yard stands at the moment."""

import pytest

from services.scheduler.domain.beyond import BEYOND, beyond
from services.scheduler.domain.shape import Shape
from shared.contracts.events import NodeSize
from shared.contracts.job import Reason
from tests.support.yard import Yard, for_devices, job, node

LARGE = NodeSize(cpus=64, memory_mib=65_536, devices={"v100": 8})


def asked(yard: Yard, device_type: str = "cpu", devices: int = 0, cpus: int = 1, memory_mib: int = 0) -> Reason | None:
    return beyond(yard.snapshot.nodes, Shape(device_type, devices, 1, cpus * 1000, memory_mib))


def test_more_than_the_largest_node_has_is_beyond_with_a_sentence_that_says_what_there_is() -> None:
    yard = Yard(node("a", cpus=4, v100=2), node("b", cpus=8))
    reason = asked(yard, "v100", 4, cpus=6)
    assert reason is not None and reason.code == BEYOND
    assert reason.message.startswith(
        "Asks for 4 v100 and 6 cpus on one node, and no node is that large, even with nothing else on it; the most "
        "there is on one is 2 v100, 4 cpus and"
    )
    assert asked(yard, cpus=9) is not None
    assert asked(yard, cpus=8) is None


def test_what_no_single_node_has_together_is_beyond_too() -> None:
    yard = Yard(node("a", cpus=4, v100=8), node("b", cpus=16, v100=2))
    reason = asked(yard, "v100", 8, cpus=16)
    assert reason is not None and "no node has all of that" in reason.message


@pytest.mark.parametrize("left", [{"cpus": 0, "memory_mib": 0, "devices": {}}, {"cpus": 3, "devices": {"v100": 1}}])
def test_a_node_that_is_closed_or_used_by_others_counts_with_all_that_it_has(left: dict[str, object]) -> None:
    yard = Yard(node("a").model_copy(update=left | {"whole": LARGE}), node("b", cpus=4, v100=1))
    assert asked(yard, "v100", 8, cpus=64) is None
    assert asked(yard, "v100", 9) is not None


def test_a_node_that_is_silent_or_full_counts_as_large_as_it_is() -> None:
    yard = Yard(node("a", cpus=4, v100=2))
    yard.submit(job(1, devices=2, cpus=4))
    yard.cycle()
    assert asked(yard, "v100", 2, cpus=4) is None
    yard.pass_time(31, silent=["a"])
    assert asked(yard, "v100", 2, cpus=4) is None


def test_nothing_is_beyond_an_empty_yard_or_devices_that_no_node_has_yet() -> None:
    assert asked(Yard(), cpus=4096) is None
    assert asked(Yard(node("a", cpus=4)), "h100", 8) is None


def test_nothing_is_beyond_while_a_node_is_known_by_its_name_alone() -> None:
    yard = Yard(node("a", cpus=4))
    assert asked(yard, cpus=5) is not None
    yard.snapshot.nodes["b"]
    assert asked(yard, cpus=5) is None


def test_nothing_is_beyond_nodes_that_only_jobs_with_devices_may_use_but_the_devices() -> None:
    yard = Yard(for_devices(node("a", cpus=4, v100=2)))
    assert asked(yard, cpus=1) is None
    assert asked(yard, "v100", 3) is not None
