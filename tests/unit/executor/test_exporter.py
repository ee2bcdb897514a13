"""What a scrape finds of the runs of a node: each family with its labels, nothing unknown, and nothing for long."""

import math

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from services.executor.usage.exporter import AFTER_END_S, ENDED_SERIES, Exporter
from shared.contracts.families import DROPPED, EXPORTED, JOB_LABELS, REPORTED
from shared.contracts.metrics import Accelerator, NetworkTotals
from shared.ids import new_id
from tests.support.clock import ManualClock
from tests.support.executor import ID
from tests.support.usage import sample_with

WHO = {"job_id": ID, "vc": "default", "owner": "ada", "rank": "0"}
FULL = sample_with(
    cpu_seconds=1.5,
    memory_bytes=2,
    network=NetworkTotals(receive_bytes=3, transmit_bytes=4, scope="host"),
    block_read_bytes=5,
    block_write_bytes=6,
    accelerators=(
        Accelerator(kind="gpu", device=0, utilization=0.25, memory_bytes=7),
        Accelerator(kind="gpu", device=3, memory_bytes=8),
        Accelerator(kind="npu", device=1, utilization=0.75, memory_bytes=9),
    ),
    dropped=10,
)
REPORTS = {"loss": 0.5, "train/acc": 0.75}

Scraped = dict[str, list[tuple[dict[str, str], float]]]


class Scrape:
    """An exporter in a registry, read as Prometheus reads it."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.exporter = Exporter(self.clock)
        self._registry = CollectorRegistry()
        self._registry.register(self.exporter)

    def __call__(self) -> Scraped:
        found: Scraped = {}
        for family in text_string_to_metric_families(generate_latest(self._registry).decode()):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
        return found


@pytest.fixture
def scrape() -> Scrape:
    return Scrape()


def test_every_family_is_exported_under_its_name_with_its_labels(scrape: Scrape) -> None:
    scrape.exporter.show(FULL, REPORTS)
    assert scrape() == {
        "jobyard_job_cpu_seconds_total": [(WHO, 1.5)],
        "jobyard_job_memory_working_set_bytes": [(WHO, 2)],
        "jobyard_job_network_receive_bytes_total": [(WHO | {"scope": "host"}, 3)],
        "jobyard_job_network_transmit_bytes_total": [(WHO | {"scope": "host"}, 4)],
        "jobyard_job_block_read_bytes_total": [(WHO, 5)],
        "jobyard_job_block_write_bytes_total": [(WHO, 6)],
        "jobyard_job_gpu_utilization_ratio": [(WHO | {"device": "0"}, 0.25)],
        "jobyard_job_gpu_memory_used_bytes": [(WHO | {"device": "0"}, 7), (WHO | {"device": "3"}, 8)],
        "jobyard_job_npu_utilization_ratio": [(WHO | {"device": "1"}, 0.75)],
        "jobyard_job_npu_memory_used_bytes": [(WHO | {"device": "1"}, 9)],
        REPORTED: [(WHO | {"name": "loss"}, 0.5), (WHO | {"name": "train/acc"}, 0.75)],
        DROPPED: [(WHO, 10)],
    }


def test_the_table_of_families_says_it_all(scrape: Scrape) -> None:
    scrape.exporter.show(FULL, REPORTS)
    found = scrape()
    for exported in EXPORTED:
        assert {*JOB_LABELS, *exported.also} == set(found[exported.name][0][0])
    assert set(found) == {REPORTED, DROPPED, *(exported.name for exported in EXPORTED)}


def test_what_is_not_known_has_no_series(scrape: Scrape) -> None:
    assert scrape() == {}
    scrape.exporter.show(sample_with(), {})
    assert scrape() == {}


def test_a_rank_shows_its_latest_sample_and_the_latest_attempt(scrape: Scrape) -> None:
    scrape.exporter.show(sample_with(cpu_seconds=1), {})
    scrape.exporter.show(sample_with(cpu_seconds=2), {})
    scrape.exporter.show(sample_with(cpu_seconds=3, rank=1), {})
    scrape.exporter.show_last(sample_with(cpu_seconds=4), {})
    scrape.exporter.show(sample_with(cpu_seconds=0.5, attempt=2), {})
    assert scrape()["jobyard_job_cpu_seconds_total"] == [(WHO | {"rank": "1"}, 3), (WHO, 0.5)]


def test_the_end_of_an_earlier_attempt_that_is_told_again_changes_nothing(scrape: Scrape) -> None:
    scrape.exporter.show(sample_with(cpu_seconds=0.5, attempt=2), {})
    scrape.exporter.show_last(sample_with(cpu_seconds=4), {})
    scrape.exporter.lose(ID, 1, 0)
    assert scrape()["jobyard_job_cpu_seconds_total"] == [(WHO, 0.5)]
    scrape.exporter.show_last(sample_with(cpu_seconds=0.75, attempt=2), {})
    scrape.exporter.show_last(sample_with(cpu_seconds=4), {})
    assert scrape()["jobyard_job_cpu_seconds_total"] == [(WHO, 0.75)]


def test_a_run_that_is_over_keeps_its_totals_for_five_minutes(scrape: Scrape) -> None:
    scrape.exporter.show(FULL, REPORTS)
    last = FULL.model_copy(update={"memory_bytes": None, "accelerators": (), "cpu_seconds": 9.0})
    scrape.exporter.show_last(last, REPORTS)
    scrape.clock.advance(AFTER_END_S - 1)
    found = scrape()
    assert found["jobyard_job_cpu_seconds_total"] == [(WHO, 9)]
    assert REPORTED in found
    assert "jobyard_job_memory_working_set_bytes" not in found
    scrape.clock.advance(2)
    assert scrape() == {}


def test_a_run_that_is_lost_keeps_its_last_totals_and_no_longer_what_was_so_at_that_moment(scrape: Scrape) -> None:
    scrape.exporter.show(FULL, REPORTS)
    scrape.exporter.lose(ID, 1, 0)
    scrape.exporter.lose(new_id(), 1, 0)
    found = scrape()
    assert found["jobyard_job_cpu_seconds_total"] == [(WHO, 1.5)]
    assert not {"jobyard_job_memory_working_set_bytes", "jobyard_job_gpu_utilization_ratio"} & set(found)
    scrape.clock.advance(AFTER_END_S + 1)
    assert scrape() == {}


def test_however_many_runs_end_only_the_series_of_the_latest_are_kept_and_none_that_lives_is_lost(
    scrape: Scrape,
) -> None:
    living = sample_with(job_id=new_id(), cpu_seconds=1)
    scrape.exporter.show(living, {})
    names = {f"name{number}": 1.0 for number in range(98)}
    kept = ENDED_SERIES // (1 + 98 + 1)  # processor time, names, dropped
    ids = [new_id() for _ in range(kept + 5)]
    for id in ids:
        for _ in range(2):  # an end may be told again
            scrape.exporter.show_last(sample_with(job_id=id, cpu_seconds=1), names)
    found = scrape()
    assert {labels["job_id"] for labels, _ in found["jobyard_job_cpu_seconds_total"]} == {living.job_id, *ids[5:]}
    assert sum(len(series) for series in found.values()) == ENDED_SERIES + 1


def test_runs_with_few_series_take_little_of_the_room_and_none_is_taken_by_what_has_expired(scrape: Scrape) -> None:
    for _ in range(2):
        for _ in range(ENDED_SERIES):
            scrape.exporter.show_last(sample_with(job_id=new_id(), cpu_seconds=1), {})
        assert len(scrape()["jobyard_job_cpu_seconds_total"]) == ENDED_SERIES
        scrape.clock.advance(AFTER_END_S + 1)
        assert scrape() == {}


def test_what_was_collected_stays_as_it_was_while_it_is_written_out(scrape: Scrape) -> None:
    scrape.exporter.show(sample_with(cpu_seconds=1.0), {"loss": 0.5})
    collected = list(scrape.exporter.collect())
    scrape.exporter.show(sample_with(cpu_seconds=2.0), {"loss": 0.25})
    scrape.exporter.show(sample_with(job_id=new_id(), cpu_seconds=3.0), {})
    found = {series.name: series.value for family in collected for series in family.samples}
    assert found == {"jobyard_job_cpu_seconds_total": 1.0, REPORTED: 0.5, DROPPED: 0}


def test_a_value_that_is_no_number_any_more_is_shown_as_such(scrape: Scrape) -> None:
    scrape.exporter.show(FULL, {"loss": math.nan})
    [(labels, value)] = scrape()[REPORTED]
    assert labels["name"] == "loss"
    assert math.isnan(value)
