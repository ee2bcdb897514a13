"""What the ranks of a run have used together: sums that are believed, whatever is known of each."""

from hypothesis import given
from hypothesis import strategies as st

from services.executor.domain.together import together
from shared.contracts.metrics import MOST, MOST_SECONDS, REPORTED_NAMES, NetworkTotals, RunUsage


def network(receive: int, transmit: int, scope: str = "run") -> NetworkTotals:
    return NetworkTotals(receive_bytes=receive, transmit_bytes=transmit, scope="host" if scope == "host" else "run")


def test_no_rank_has_used_nothing_and_one_alone_what_it_has() -> None:
    usage = RunUsage(seconds=3, cpu_seconds=2)
    assert together([], 1) is None
    assert together([usage], 1) == usage


def test_times_bytes_and_memory_are_added_up() -> None:
    one = RunUsage(seconds=2, cpu_seconds=1.5, memory_peak_bytes=10, memory_mean_bytes=4.0, network=network(1, 2))
    two = RunUsage(seconds=4, cpu_seconds=2, memory_peak_bytes=5, block_read_bytes=7, network=network(10, 20))
    both = together([one, two], 0)
    assert both is not None
    assert (both.seconds, both.cpu_seconds, both.memory_peak_bytes, both.memory_mean_bytes) == (4, 3.5, 15, 4.0)
    assert (both.block_read_bytes, both.block_write_bytes, both.network) == (7, None, network(11, 22))


def test_the_whole_machines_network_counts_once() -> None:
    both = together([RunUsage(seconds=1, network=network(5, 5, "host")), RunUsage(seconds=1, network=network(6, 6))], 0)
    assert both is not None
    assert both.network == network(5, 5, "host")


def test_devices_are_held_until_the_last_rank_has_ended() -> None:
    early = RunUsage(seconds=1, device_seconds=2, device_measured_seconds=2, device_utilization_mean=0.5)
    late = RunUsage(seconds=4, device_seconds=8, device_measured_seconds=6, device_utilization_mean=1.0)
    both = together([early, late], 4)
    assert both is not None
    assert (both.device_seconds, both.device_measured_seconds, both.device_utilization_mean) == (16, 8, 0.875)


def test_of_a_name_that_several_ranks_report_the_lowest_ones_value_counts() -> None:
    zero = RunUsage(seconds=1, reported={"loss": 1.0}, not_finite=("norm",), dropped=1)
    one = RunUsage(seconds=1, reported={"loss": 2.0, "norm": 3.0, "mine": 4.0}, dropped=2)
    both = together([zero, one], 0)
    assert both is not None
    assert (both.reported, both.not_finite, both.dropped) == ({"loss": 1.0, "mine": 4.0}, ("norm",), 3)


NAMES = st.integers(0, 150).map("name{}".format)
BYTES = st.integers(0, MOST)
COUNT = st.none() | BYTES
SECONDS = st.floats(0, MOST_SECONDS)
USAGES = st.builds(
    RunUsage,
    seconds=SECONDS,
    cpu_seconds=st.none() | SECONDS,
    memory_peak_bytes=COUNT,
    memory_mean_bytes=st.none() | st.floats(0, 2.0**62),
    network=st.none() | st.builds(network, BYTES, BYTES, st.sampled_from(["run", "host"])),
    block_read_bytes=COUNT,
    device_seconds=SECONDS,
    device_measured_seconds=SECONDS,
    device_idle_seconds=SECONDS,
    device_utilization_mean=st.none() | st.floats(0, 1),
    reported=st.dictionaries(NAMES, st.floats(allow_nan=False, allow_infinity=False), max_size=60),
    dropped=st.integers(0, MOST),
)


@given(st.lists(USAGES, min_size=1, max_size=4))
def test_whatever_ranks_have_used_makes_a_sum(ranks: list[RunUsage]) -> None:
    both = together(ranks, 8)
    assert both is not None
    assert len(both.reported) <= REPORTED_NAMES
    assert RunUsage.model_validate_json(both.model_dump_json()) is not None
