"""One process has one of each instrument, whichever of its services use it."""

from prometheus_client import generate_latest

from shared.contracts.instruments import INSTRUMENTS, Instrument
from shared.meter import Labels, Meter

SIZE = Instrument("jobyard_size", "gauge", "tests", "A size.", ("service",))
ALONE = Instrument("jobyard_alone", "gauge", "tests", "One value.")
DONE = Instrument("jobyard_done_total", "counter", "tests", "What was done.", ("how",))
SEEN = Instrument("jobyard_seen_total", "counter", "tests", "Counted elsewhere.")
TOOK = Instrument("jobyard_took_seconds", "histogram", "tests", "How long it took.", (), (0.1, 1))


def lines(meter: Meter) -> list[str]:
    """What Prometheus reads, without the process's own."""
    text = generate_latest(meter.registry).decode()
    return [line for line in text.splitlines() if not line.startswith("#") and line.startswith("jobyard_")]


def test_two_services_of_a_process_share_an_instrument() -> None:
    meter = Meter()
    meter.watch(SIZE, lambda: [(("jobs",), 1)])
    meter.watch(SIZE, lambda: [(("notify",), 2)])
    meter.counter(DONE).labels("well").inc()
    meter.counter(DONE).labels("well").inc()
    assert lines(meter) == [
        'jobyard_size{service="jobs"} 1.0',
        'jobyard_size{service="notify"} 2.0',
        'jobyard_done_total{how="well"} 2.0',
    ]


def test_what_is_watched_is_as_it_is_when_somebody_looks() -> None:
    meter, values, sizes = Meter(), [3.0], dict[Labels, float]({("a",): 1})
    meter.watch(ALONE, lambda: values[0])
    meter.watch(SIZE, sizes.items)
    assert lines(meter) == ["jobyard_alone 3.0", 'jobyard_size{service="a"} 1.0']
    values[0] = 4.0
    sizes.clear()
    assert lines(meter) == ["jobyard_alone 4.0"]


def test_counters_and_histograms_are_what_they_are_called() -> None:
    meter = Meter()
    meter.watch(SEEN, lambda: 7)
    meter.histogram(TOOK).observe(0.5)
    text = generate_latest(meter.registry).decode()
    assert "# TYPE jobyard_seen_total counter" in text
    assert "# TYPE jobyard_took_seconds histogram" in text
    assert lines(meter) == [
        "jobyard_seen_total 7.0",
        'jobyard_took_seconds_bucket{le="0.1"} 0.0',
        'jobyard_took_seconds_bucket{le="1.0"} 1.0',
        'jobyard_took_seconds_bucket{le="+Inf"} 1.0',
        "jobyard_took_seconds_count 1.0",
        "jobyard_took_seconds_sum 0.5",
    ]


def test_every_process_says_what_it_costs() -> None:
    text = generate_latest(Meter().registry).decode()
    for name in ("process_cpu_seconds_total", "process_resident_memory_bytes", "process_open_fds"):
        assert f"\n{name} " in text


def test_the_table_keeps_the_conventions_and_names_no_job_and_no_person() -> None:
    names = [one.name for one in INSTRUMENTS]
    assert len(set(names)) == len(names)
    for one in INSTRUMENTS:
        assert one.name.startswith("jobyard_") and not one.name.startswith("jobyard_job_")
        assert one.name.endswith("_total") == (one.kind == "counter")
        assert bool(one.buckets) == (one.kind == "histogram")
        assert one.help.endswith(".")
        assert not {"job", "job_id", "owner", "user", "instance", "le"} & set(one.labels)
