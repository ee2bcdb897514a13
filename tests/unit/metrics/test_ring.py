"""A job's last hour in memory: what is kept, what is dropped, and what is drawn from it."""

from services.metrics.domain.grid import Grid
from services.metrics.domain.line import drawn
from services.metrics.domain.ring import Ring
from services.metrics.domain.track import SPARE
from shared.contracts.metrics import REPORTED_NAMES, SAMPLES_KEPT, Accelerator, NetworkTotals, Sample, Series
from tests.support.metrics_service import START, sample_at

GRID = Grid(START.timestamp(), START.timestamp() + 10_000, 5.0)


def ring_of(*samples: Sample) -> Ring:
    ring = Ring()
    for sequence, sample in enumerate(samples, 1):
        ring.add(sequence, sample)
    return ring


def series_of(ring: Ring) -> list[Series]:
    return drawn(ring.lines(GRID))


def points(series: Series) -> dict[float, float]:
    return {time - START.timestamp(): value for time, value in zip(series.times, series.values, strict=True)}


def a_full_sample(second: int) -> Sample:
    return sample_at(
        second,
        cpu_seconds=second * 2.0,
        memory_bytes=second * 1000,
        network=NetworkTotals(receive_bytes=second * 3, transmit_bytes=second * 4, scope="run"),
        block_read_bytes=second * 5,
        block_write_bytes=second * 6,
        accelerators=(
            Accelerator(kind="gpu", device=0, utilization=0.5, memory_bytes=7),
            Accelerator(kind="gpu", device=10, utilization=0.6, memory_bytes=8),
            Accelerator(kind="gpu", device=2, utilization=None, memory_bytes=9),
            Accelerator(kind="npu", device=0, utilization=0.7, memory_bytes=None),
        ),
        reported={"loss": 1.5, "accuracy": 0.5},
    )


def test_all_eight_families_are_drawn_in_base_units_and_in_one_order() -> None:
    found = series_of(ring_of(a_full_sample(5), a_full_sample(10)))
    assert [(one.name, one.unit, one.labels, one.values[-1]) for one in found] == [
        ("cpu", "cores", {"rank": "0"}, 2.0),
        ("memory", "bytes", {"rank": "0"}, 10_000.0),
        ("network", "bytes_per_second", {"rank": "0", "scope": "run", "direction": "receive"}, 3.0),
        ("network", "bytes_per_second", {"rank": "0", "scope": "run", "direction": "transmit"}, 4.0),
        ("block_io", "bytes_per_second", {"rank": "0", "direction": "read"}, 5.0),
        ("block_io", "bytes_per_second", {"rank": "0", "direction": "write"}, 6.0),
        ("gpu_utilization", "ratio", {"rank": "0", "device": "0"}, 0.5),
        ("gpu_utilization", "ratio", {"rank": "0", "device": "10"}, 0.6),
        ("gpu_memory", "bytes", {"rank": "0", "device": "0"}, 7.0),
        ("gpu_memory", "bytes", {"rank": "0", "device": "2"}, 9.0),
        ("gpu_memory", "bytes", {"rank": "0", "device": "10"}, 8.0),
        ("npu_utilization", "ratio", {"rank": "0", "device": "0"}, 0.7),
        ("accuracy", "", {"rank": "0"}, 0.5),
        ("loss", "", {"rank": "0"}, 1.5),
    ]
    assert [one.kind for one in found] == ["usage"] * 12 + ["reported"] * 2


def test_a_figure_that_is_known_at_times_is_there_then_and_what_is_reported_until_it_is_reported_anew() -> None:
    found = series_of(
        ring_of(
            sample_at(5, memory_bytes=1),
            sample_at(10, reported={"loss": 2.0}),
            sample_at(15, memory_bytes=3),
            sample_at(20, memory_bytes=0, reported={"loss": 1.0}),
        )
    )
    assert [(one.name, points(one)) for one in found] == [
        ("memory", {5: 1.0, 15: 3.0, 20: 0.0}),
        ("loss", {10: 2.0, 15: 2.0, 20: 1.0}),
    ]


def test_a_value_that_diverged_is_a_gap() -> None:
    samples = [sample_at(5, reported={"loss": 2.0}), sample_at(10, not_finite=("loss",)), sample_at(15)]
    (loss,) = series_of(ring_of(*samples, sample_at(20, reported={"loss": 1.0})))
    assert points(loss) == {5: 2.0, 20: 1.0}


def test_the_first_moment_of_a_run_gives_its_first_second_a_rate_and_its_memory_no_zero() -> None:
    none = NetworkTotals(receive_bytes=0, transmit_bytes=0, scope="run")
    some = NetworkTotals(receive_bytes=70, transmit_bytes=0, scope="run")
    first = sample_at(0, cpu_seconds=0.0, network=none, block_write_bytes=0)
    later = sample_at(1, cpu_seconds=0.9, network=some, block_write_bytes=5, memory_bytes=7)
    cpu, memory, received, sent, written = series_of(ring_of(first, later))
    assert [points(one) for one in (cpu, memory, received)] == [{5: 0.9}, {5: 7.0}, {5: 70.0}]
    assert [points(one) for one in (sent, written)] == [{5: 0.0}, {5: 5.0}]
    (memory,) = series_of(ring_of(first, sample_at(10, memory_bytes=7)))
    assert points(memory) == {10: 7.0}


def test_of_memory_the_largest_in_a_step_is_drawn_and_of_a_device_its_mean_use() -> None:
    gpus = [Accelerator(kind="gpu", device=0, utilization=use, memory_bytes=int(use * 100)) for use in (0.25, 0.75)]
    low, high = ((gpu,) for gpu in gpus)
    samples = [sample_at(2, memory_bytes=9, accelerators=high), sample_at(4, memory_bytes=1, accelerators=low)]
    memory, use, used = series_of(ring_of(*samples))
    assert [one.values for one in (memory, use, used)] == [(9.0,), (0.5,), (75.0,)]


def test_the_hosts_network_is_another_line_than_the_runs_own() -> None:
    samples = [
        sample_at(second, network={"receive_bytes": second, "transmit_bytes": 0, "scope": scope})
        for second, scope in ((5, "run"), (10, "run"), (15, "host"), (20, "host"))
    ]
    received = [one for one in series_of(ring_of(*samples)) if one.labels["direction"] == "receive"]
    assert {one.labels["scope"]: points(one) for one in received} == {"host": {20: 1.0}, "run": {10: 1.0}}


def test_ranks_are_lines_of_their_own_and_count_up() -> None:
    found = series_of(ring_of(*(sample_at(5, rank=rank, memory_bytes=rank) for rank in (10, 2, 0))))
    assert [(one.labels["rank"], one.values) for one in found] == [("0", (0.0,)), ("2", (2.0,)), ("10", (10.0,))]


def test_attempts_follow_one_another_and_their_counters_are_not_mixed() -> None:
    cpu, memory = series_of(
        ring_of(
            sample_at(5, cpu_seconds=0.0, memory_bytes=1),
            sample_at(10, cpu_seconds=50.0, memory_bytes=2),
            sample_at(15, cpu_seconds=0.0, memory_bytes=3, attempt=2),
            sample_at(20, cpu_seconds=5.0, memory_bytes=4, attempt=2),
        )
    )
    assert points(cpu) == {10: 10.0, 20: 1.0}
    assert points(memory) == {5: 1.0, 10: 2.0, 15: 3.0, 20: 4.0}


def test_what_was_seen_is_not_taken_again() -> None:
    ring = ring_of(sample_at(5, memory_bytes=1), sample_at(10, memory_bytes=2))
    before = ring.bytes
    ring.add(2, sample_at(10, memory_bytes=9))
    ring.add(1, sample_at(5, memory_bytes=9))
    ring.add(3, sample_at(10, memory_bytes=9))
    assert ring.bytes == before
    assert points(series_of(ring)[0]) == {5: 1.0, 10: 2.0}


def test_a_device_that_is_told_twice_does_not_shift_what_follows() -> None:
    twice = tuple(Accelerator(kind="gpu", device=0, utilization=use) for use in (0.1, 0.9))
    (gpu,) = series_of(ring_of(*(sample_at(second, accelerators=twice) for second in (5, 10)), sample_at(15)))
    assert points(gpu) == {5: 0.1, 10: 0.1}


def test_a_ring_reaches_back_to_its_oldest_sample_or_as_far_as_anybody_if_that_was_the_jobs_first() -> None:
    begin = START.timestamp()
    assert not Ring().reaches(begin + 1e9)
    some = ring_of(sample_at(5, cpu_seconds=0.0, memory_bytes=1), sample_at(10, cpu_seconds=1.0))
    assert [some.reaches(begin + second) for second in (4, 5, 6)] == [False, True, True]
    whole = ring_of(sample_at(0, cpu_seconds=0.0), sample_at(1, cpu_seconds=1.0, memory_bytes=1))
    assert whole.reaches(begin - 3600)
    assert not ring_of(sample_at(0, attempt=2, cpu_seconds=0.0)).reaches(begin - 1), "another attempt came before"
    whole.add(3, sample_at(1, rank=1, cpu_seconds=1.0, memory_bytes=1))
    assert [whole.reaches(begin + second) for second in (0, 1)] == [False, True], "the other rank has less"


def test_a_ring_that_has_dropped_its_first_sample_reaches_as_far_as_what_is_left() -> None:
    ring = Ring()
    for second in range(SAMPLES_KEPT + 2 * SPARE):
        ring.add(second + 1, sample_at(second, cpu_seconds=float(second), memory_bytes=second or None))
        oldest = START.timestamp() + max(second + 1 - SAMPLES_KEPT, 0)
        assert ring.reaches(oldest)
        assert ring.reaches(oldest - 1) == (second < SAMPLES_KEPT)


def test_a_message_that_is_none_is_passed_over() -> None:
    ring = ring_of(sample_at(5, memory_bytes=1))
    ring.add(7, None)
    assert ring.position == 7
    assert points(series_of(ring)[0]) == {5: 1.0}


def test_the_last_samples_are_kept_and_no_more() -> None:
    count = SAMPLES_KEPT + 2 * SPARE + 7
    ring = ring_of(*(sample_at(second * 5, memory_bytes=second, cpu_seconds=0.0) for second in range(count)))
    cpu, memory = series_of(ring)
    assert memory.values == tuple(float(second) for second in range(count - SAMPLES_KEPT, count))
    assert len(cpu.values) == SAMPLES_KEPT - 1
    full = ring_of(*(sample_at(second * 5, memory_bytes=second, cpu_seconds=0.0) for second in range(SAMPLES_KEPT)))
    assert full.bytes <= ring.bytes < full.bytes * (1 + 2 * SPARE / SAMPLES_KEPT)


def test_what_was_reported_long_ago_still_holds_while_the_attempt_runs() -> None:
    ring = ring_of(sample_at(0, reported={"lr": 0.5}, not_finite=("loss",)))
    for number in range(1, SAMPLES_KEPT + 2 * SPARE):
        ring.add(number + 1, sample_at(number * 5))
        (rate,) = series_of(ring)
        assert len(rate.values) == min(number + 1, SAMPLES_KEPT)
        assert set(rate.values) == {0.5}


def test_what_another_attempt_reported_long_ago_leaves_the_memory_and_makes_room_for_other_names() -> None:
    ring = ring_of(sample_at(0, reported={f"old{number}": 1.0 for number in range(REPORTED_NAMES)}))
    for second in range(1, SAMPLES_KEPT + SPARE + 1):
        ring.add(second + 1, sample_at(second, attempt=2))
    small = ring.bytes
    assert series_of(ring) == []
    ring.add(10_000, sample_at(10_000, attempt=2, reported={"new": 1.0}))
    assert [one.name for one in series_of(ring)] == ["new"]
    assert ring.bytes < small * 2


def test_a_hundred_names_are_kept_and_those_beyond_do_not_hurt() -> None:
    ring = Ring()
    for second in range(200):
        names = {f"name{second * 50 + number}": float(second) for number in range(50)}
        ring.add(second + 1, sample_at(second * 5, memory_bytes=second, reported=names))
    found = series_of(ring)
    assert [one.name for one in found] == ["memory", *sorted(f"name{number}" for number in range(REPORTED_NAMES))]
    assert len(found[0].values) == 200


def test_a_ring_takes_a_few_dozen_kilobytes() -> None:
    ring = ring_of(*(a_full_sample(second * 5) for second in range(SAMPLES_KEPT)))
    columns = len(series_of(ring)) + 2
    assert ring.bytes < columns * (SAMPLES_KEPT * 8 + 1000)
