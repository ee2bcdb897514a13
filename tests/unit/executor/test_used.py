"""What a run has used: totals never fall, means are over the measured time, and what is unknown stays unknown."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from services.executor.domain.reading import Reading
from services.executor.domain.used import GAP_S, Totals, Used
from shared.contracts.metrics import Accelerator, NetworkTotals
from tests.support.usage import START_NS, reading_of

BEGUN = Used(at_ns=START_NS)
GIB = 1 << 30


def gpu(device: int = 0, use: float | None = None, memory: int | None = None) -> Accelerator:
    return Accelerator(kind="gpu", device=device, utilization=use, memory_bytes=memory)


def test_what_was_never_known_is_absent_from_the_sum_and_not_zero() -> None:
    usage = BEGUN.after(reading_of(1), ()).usage(10, 0)
    assert usage.model_dump(exclude_none=True, exclude_defaults=True) == {"seconds": 10}


def test_totals_go_on_from_the_highest_that_was_read() -> None:
    used = BEGUN.after(reading_of(1, cpu_ns=5, read_bytes=50, write_bytes=9, receive_bytes=7, transmit_bytes=8), ())
    fallen = used.after(reading_of(2, cpu_ns=3, read_bytes=60, write_bytes=None, receive_bytes=6, transmit_bytes=9), ())
    network = NetworkTotals(receive_bytes=7, transmit_bytes=9, scope="run")
    assert fallen.totals == Totals(cpu_ns=5, read_bytes=60, write_bytes=9, network=network)


@given(st.lists(st.tuples(st.none() | st.integers(0, 1 << 60), st.none() | st.integers(0, 1 << 60)), min_size=2))
def test_no_total_ever_falls_or_is_forgotten(figures: list[tuple[int | None, int | None]]) -> None:
    used, seen = BEGUN, []
    for second, (cpu, network) in enumerate(figures):
        reading = reading_of(second, cpu_ns=cpu, read_bytes=network, receive_bytes=network, transmit_bytes=network)
        used = used.after(reading, ())
        seen.append(used.totals)
    for before, after in pairwise(seen):
        for name in ("cpu_ns", "read_bytes"):
            known, next = getattr(before, name), getattr(after, name)
            assert known is None or (next is not None and next >= known)
        if before.network is not None:
            assert after.network is not None
            assert after.network.receive_bytes >= before.network.receive_bytes


def test_the_machines_bytes_are_never_compared_with_the_runs_own() -> None:
    own = BEGUN.after(reading_of(1, receive_bytes=500, transmit_bytes=500), ())
    host = own.after(reading_of(2, receive_bytes=9, transmit_bytes=8, network_scope="host"), ())
    assert host.totals.network == NetworkTotals(receive_bytes=9, transmit_bytes=8, scope="host")
    again = host.after(reading_of(3, receive_bytes=600, transmit_bytes=600), ())
    assert again.totals.network == NetworkTotals(receive_bytes=600, transmit_bytes=600, scope="run")


def test_memory_has_a_peak_and_a_mean_by_time() -> None:
    used = BEGUN.after(reading_of(1, memory_bytes=4 * GIB), ())
    used = used.after(reading_of(4, memory_bytes=GIB), ()).after(reading_of(9), ())
    usage = used.usage(9, 0)
    assert usage.memory_peak_bytes == 4 * GIB
    assert usage.memory_mean_bytes == (4 * GIB * 1 + GIB * 3) / 4  # the last five seconds are not known


def test_devices_are_idle_below_five_percent_and_only_measured_time_counts() -> None:
    used = BEGUN.after(reading_of(2), (gpu(0, 0.04), gpu(1, 0.05)))
    used = used.after(reading_of(5), (gpu(0, 1.0), gpu(1)))
    usage = used.usage(10, 2)
    assert usage.device_seconds == 20
    assert usage.device_measured_seconds == 2 + 2 + 3
    assert usage.device_idle_seconds == 2
    assert usage.device_utilization_mean is not None
    assert abs(usage.device_utilization_mean - (0.04 * 2 + 0.05 * 2 + 1.0 * 3) / 7) < 1e-9


def test_a_devices_peak_of_memory_is_that_of_one_device() -> None:
    used = BEGUN.after(reading_of(1), (gpu(0, None, 3), gpu(1, None, 5))).after(reading_of(2), (gpu(0, None, 4),))
    usage = used.usage(2, 2)
    assert (usage.device_memory_peak_bytes, usage.device_utilization_mean) == (5, None)


def test_time_that_nobody_watched_is_not_measured() -> None:
    used = BEGUN.after(reading_of(1, memory_bytes=10), (gpu(0, 0.0),))
    used = used.after(reading_of(3601, memory_bytes=10), (gpu(0, 0.0),))
    usage = used.usage(3601, 1)
    assert usage.device_measured_seconds == usage.device_idle_seconds == 1 + GAP_S


def test_a_clock_that_is_set_back_measures_no_negative_time() -> None:
    used = BEGUN.after(reading_of(10, memory_bytes=10), (gpu(0, 1.0),))
    used = used.after(reading_of(-3600, memory_bytes=10), (gpu(0, 1.0),)).after(reading_of(-3590), (gpu(0, 1.0),))
    assert used.usage(20, 1).device_measured_seconds == 10 + 0 + 10


def test_the_end_adds_the_final_totals_to_what_was_sampled() -> None:
    used = BEGUN.after(reading_of(1, cpu_ns=10**9, memory_bytes=7, write_bytes=5), ())
    assert used.ended(None) == used
    usage = used.ended(Reading(at_ns=START_NS, cpu_ns=3 * 10**9, read_bytes=4)).usage(2, 0)
    assert (usage.cpu_seconds, usage.block_read_bytes, usage.block_write_bytes) == (3.0, 4, 5)
    assert usage.memory_peak_bytes == 7


def test_the_end_does_not_replace_the_runs_own_traffic_by_the_machines() -> None:
    used = BEGUN.after(reading_of(1, receive_bytes=5, transmit_bytes=6), ())
    usage = used.ended(reading_of(2, receive_bytes=900, transmit_bytes=900, network_scope="host")).usage(2, 0)
    assert usage.network == NetworkTotals(receive_bytes=5, transmit_bytes=6, scope="run")
    unsampled = BEGUN.ended(reading_of(2, receive_bytes=900, transmit_bytes=900, network_scope="host")).usage(2, 0)
    assert unsampled.network == NetworkTotals(receive_bytes=900, transmit_bytes=900, scope="host")
