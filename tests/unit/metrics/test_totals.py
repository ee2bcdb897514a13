"""What the attempts of one job have used together."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from services.metrics.domain.attempt import Attempt
from services.metrics.domain.totals import Totals, folded, usage_of
from shared.contracts.metrics import REPORTED_NAMES, JobUsage, NetworkTotals, Sample
from tests.support.attempts import HOUR, NOON, attempt, on_gpus
from tests.support.documents import JOB_ID

RUN = NetworkTotals(receive_bytes=20, transmit_bytes=1, scope="run")
HOST = NetworkTotals(receive_bytes=300, transmit_bytes=2, scope="host")


def together(*attempts: Attempt) -> Totals:
    """Of these, one after the other."""
    totals = Totals()
    for number, one in enumerate(attempts, start=1):
        totals = folded(totals, replace(one, number=number))
    return totals


def sample(number: int = 1, **fields: Any) -> Sample:
    return Sample(job_id=JOB_ID, attempt=number, vc="default", owner="ada", time=NOON + 9 * HOUR, **fields)


def test_sums_are_sums_peaks_are_peaks_and_means_weigh_by_time() -> None:
    first = {"cpu_seconds": 3600.0, "memory_peak_bytes": 500, "memory_mean_bytes": 100.0, "network": RUN}
    second = {"cpu_seconds": 0.0, "memory_peak_bytes": 300, "memory_mean_bytes": 200.0, "network": HOST}
    usage = usage_of(JOB_ID, together(attempt(1, usage=first), attempt(3, usage=second)))
    assert (usage.runs, usage.seconds, usage.cpu_seconds, usage.cpu_mean) == (2, 4 * 3600.0, 3600.0, 0.25)
    assert (usage.memory_peak_bytes, usage.memory_mean_bytes) == (500, 175.0)
    assert usage.network == NetworkTotals(receive_bytes=320, transmit_bytes=3, scope="host")
    assert (usage.live, usage.updated_at) == (False, NOON + 3 * HOUR)


def test_what_no_attempt_knew_is_absent_and_never_zero() -> None:
    usage = usage_of(JOB_ID, together(on_gpus(1), on_gpus(1)))
    unknown = JobUsage(
        job_id=JOB_ID, runs=2, seconds=7200.0, device_hours=8.0, device_measured_share=0.0, updated_at=NOON + HOUR
    )
    assert usage == unknown
    assert (usage.cpu_seconds, usage.memory_peak_bytes, usage.network, usage.device_idle_share) == (None,) * 4


def test_an_attempt_that_nobody_measured_neither_lowers_nor_raises_a_mean() -> None:
    known = {"cpu_seconds": 1800.0, "memory_mean_bytes": 100.0, "block_write_bytes": 50}
    usage = usage_of(JOB_ID, together(attempt(1, usage=known), attempt(99)))
    assert (usage.cpu_mean, usage.memory_mean_bytes, usage.block_write_bytes) == (0.5, 100.0, 50)


def test_idle_is_a_share_of_what_was_measured_and_measured_one_of_what_was_held() -> None:
    measured = {"device_measured_seconds": 7200.0, "device_idle_seconds": 1800.0, "device_utilization_mean": 0.9}
    usage = usage_of(JOB_ID, together(on_gpus(1, devices=2, usage=measured), on_gpus(1, devices=2)))
    assert usage.device_hours == 4.0
    assert (usage.device_idle_share, usage.device_measured_share) == (0.25, 0.5)
    assert usage.device_utilization_mean == 0.9


def test_a_job_without_devices_has_no_device_hours() -> None:
    usage = usage_of(JOB_ID, together(attempt(5, cpus=64)))
    assert (usage.device_hours, usage.device_measured_share) == (0.0, None)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_of_each_name_the_newest_attempt_that_said_it_counts(order: tuple[int, ...]) -> None:
    said: dict[int, dict[str, Any]] = {
        1: {"reported": {"val_acc": 0.75, "loss": 3.0, "lr": 1.0}, "not_finite": ("grad",)},
        2: {"reported": {"loss": 0.5, "grad": 2.0}, "not_finite": ("lr",)},
        3: {},
    }
    totals = Totals()
    for number in order:
        totals = folded(totals, attempt(number=number, usage={**said[number], "dropped": number}))
    usage = usage_of(JOB_ID, totals)
    assert (usage.reported, usage.not_finite) == ({"val_acc": 0.75, "loss": 0.5, "grad": 2.0}, ("lr",))
    assert usage.dropped == 6


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 2, 1), (2, 3, 1)])
def test_a_hundred_names_are_kept_and_newer_ones_take_the_place_of_older_ones(order: tuple[int, ...]) -> None:
    said = {number: {f"n{number * 40 + place}": 1.0 for place in range(60)} for number in (1, 2, 3)}
    totals = Totals()
    for number in order:
        totals = folded(totals, attempt(number=number, usage={"reported": said[number]}))
    reported = usage_of(JOB_ID, totals).reported
    assert len(reported) == REPORTED_NAMES
    assert reported.keys() >= said[3].keys() | said[2].keys()
    later = [sample(4, reported={"new": 2.0, "n60": 3.0}, not_finite=("n61",))]
    alive = usage_of(JOB_ID, totals, later)
    assert len(alive.reported) + len(alive.not_finite) == REPORTED_NAMES
    assert (alive.reported["new"], alive.reported["n60"], alive.not_finite) == (2.0, 3.0, ("n61",))


def test_what_a_run_under_way_does_not_report_stays_as_the_attempt_before_said_it() -> None:
    before = folded(Totals(), attempt(1, usage={"reported": {"val_acc": 0.75, "loss": 2.0}, "not_finite": ("lr",)}))
    now = usage_of(JOB_ID, before, [sample(2, reported={"lr": 0.5}, not_finite=("loss",))])
    assert (now.reported, now.not_finite) == ({"val_acc": 0.75, "lr": 0.5}, ("loss",))
    ended = folded(before, attempt(number=2, usage={"reported": {"lr": 0.5}, "not_finite": ("loss",)}))
    assert usage_of(JOB_ID, ended).reported == now.reported
    assert usage_of(JOB_ID, ended).not_finite == now.not_finite


def test_an_attempt_that_is_told_again_changes_nothing() -> None:
    totals = folded(Totals(), attempt(1))
    assert folded(totals, attempt(1)) is totals


def test_a_run_under_way_adds_what_it_counts_from_its_start_and_what_it_reports() -> None:
    ended = folded(Totals(), attempt(1, usage={"cpu_seconds": 10.0, "block_read_bytes": 5, "reported": {"loss": 2.0}}))
    ranks = [
        sample(
            2,
            rank=0,
            cpu_seconds=1.5,
            memory_bytes=5,
            network=RUN,
            block_write_bytes=7,
            reported={"loss": 0.5},
            dropped=3,
        ),
        sample(2, rank=1, cpu_seconds=2.0),
        sample(2, rank=2, memory_bytes=6),
    ]
    usage = usage_of(JOB_ID, ended, ranks)
    assert usage.live
    assert (usage.runs, usage.seconds, usage.cpu_seconds, usage.memory_bytes) == (1, 3600.0, 13.5, 11)
    assert (usage.block_read_bytes, usage.block_write_bytes, usage.network) == (5, 7, RUN)
    assert (usage.reported, usage.dropped) == ({"loss": 0.5}, 3)
    assert usage.updated_at == NOON + 9 * HOUR


def test_means_of_the_attempts_before_are_not_those_of_a_job_whose_next_run_is_under_way() -> None:
    measured = {"cpu_seconds": 10.0, "memory_mean_bytes": 7.0, "memory_peak_bytes": 9}
    devices = {"device_measured_seconds": 60.0, "device_utilization_mean": 0.5}
    ended = folded(Totals(), on_gpus(1, usage={**measured, **devices}))
    over = usage_of(JOB_ID, ended)
    assert None not in (over.cpu_mean, over.memory_mean_bytes, over.device_utilization_mean)
    assert over.memory_bytes is None
    live = usage_of(JOB_ID, ended, [sample(2, cpu_seconds=1.0)])
    assert (live.cpu_mean, live.memory_mean_bytes, live.device_utilization_mean, live.memory_bytes) == (None,) * 4
    assert live.memory_peak_bytes == 9


def test_samples_of_an_attempt_that_is_counted_already_count_no_second_time() -> None:
    ended = folded(Totals(), attempt(1, number=4, usage={"cpu_seconds": 10.0}))
    usage = usage_of(JOB_ID, ended, [sample(4, cpu_seconds=9.9)])
    assert (usage.live, usage.cpu_seconds, usage.updated_at) == (False, 10.0, NOON + timedelta(hours=1))


def test_of_a_name_that_several_ranks_report_the_lowest_ones_value_counts() -> None:
    ranks = [sample(rank=rank, reported={"loss": float(rank), f"of-{rank}": 1.0}) for rank in (0, 2, 1)]
    found = usage_of(JOB_ID, Totals(), ranks).reported
    assert found == {"loss": 0.0, "of-0": 1.0, "of-1": 1.0, "of-2": 1.0}
