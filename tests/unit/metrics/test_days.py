"""What an attempt adds to the days that it ran on."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from services.metrics.domain.days import MOST_DAYS, SUMMED, added, charges
from shared.contracts.metrics import UsageRow
from tests.support.attempts import HOUR, NOON, attempt, on_gpus

DAY = date(2026, 11, 28)
EVENING = datetime(2026, 11, 28, 22, tzinfo=UTC)


def test_an_attempt_of_devices_counts_what_it_held_and_how_much_of_it_was_idle_or_unknown() -> None:
    measured = {"device_measured_seconds": 3 * 3600.0, "device_idle_seconds": 3600.0, "cpu_seconds": 1800.0}
    (row,) = charges(on_gpus(1, devices=4, usage=measured))
    assert (row.day, row.vc, row.owner, row.device_type, row.runs) == (DAY, "default", "ada", "v100", 1)
    assert (row.device_hours, row.idle_hours, row.unknown_hours, row.cpu_hours) == (4.0, 1.0, 1.0, 0.5)


def test_devices_that_nobody_measured_are_unknown_and_not_idle() -> None:
    (row,) = charges(on_gpus(2, devices=1))
    assert (row.device_hours, row.idle_hours, row.unknown_hours) == (2.0, 0.0, 2.0)


def test_more_measured_than_was_held_counts_as_what_was_held() -> None:
    (row,) = charges(on_gpus(1, devices=1, usage={"device_measured_seconds": 1e9, "device_idle_seconds": 1e9}))
    assert (row.device_hours, row.idle_hours, row.unknown_hours) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(("cpu_seconds", "used", "unknown"), [(3600.0, 1.0, 0.0), (None, 0.0, 5.0), (0.0, 0.0, 0.0)])
def test_a_job_without_devices_counts_the_cores_that_it_held(
    cpu_seconds: float | None, used: float, unknown: float
) -> None:
    (row,) = charges(attempt(2, cpus=2.5, usage={"cpu_seconds": cpu_seconds}))
    assert (row.device_type, row.device_hours, row.idle_hours) == ("cpu", 5.0, 0.0)
    assert (row.cpu_hours, row.unknown_hours) == (used, unknown)


def test_an_attempt_that_spans_midnight_is_divided_over_its_days_and_counted_on_the_last() -> None:
    usage = {"device_measured_seconds": 24.5 * 3600, "device_idle_seconds": 9.8 * 3600, "cpu_seconds": 4.9 * 3600}
    rows = charges(on_gpus(49, devices=1, begin=EVENING, usage=usage))
    assert [row.day for row in rows] == [DAY, date(2026, 11, 29), date(2026, 11, 30)]
    assert [row.runs for row in rows] == [0, 0, 1]
    assert [row.device_hours for row in rows] == pytest.approx([2, 24, 23])
    assert [row.idle_hours for row in rows] == pytest.approx([0.4, 4.8, 4.6])
    assert [row.unknown_hours for row in rows] == pytest.approx([1, 12, 11.5])
    assert [row.cpu_hours for row in rows] == pytest.approx([0.2, 2.4, 2.3])


def test_days_are_those_of_utc_wherever_the_executor_s_clock_stands() -> None:
    begin = datetime(2026, 11, 29, 1, tzinfo=timezone(timedelta(hours=8)))
    (row,) = charges(attempt(1, begin=begin))
    assert row.day == DAY


def test_lost_work_counts_on_the_days_on_which_it_had_been_done() -> None:
    rows = charges(on_gpus(4, devices=2, begin=EVENING, preempted_since=EVENING + HOUR))
    assert [row.lost_to_preemption_hours for row in rows] == [2.0, 4.0]
    assert [row.lost_to_failure_hours for row in rows] == [0.0, 0.0]
    rows = charges(on_gpus(4, devices=2, begin=EVENING, failed_since=EVENING + 3 * HOUR))
    assert [row.lost_to_failure_hours for row in rows] == [0.0, 2.0]


def test_no_more_is_lost_than_was_held_even_by_a_clock_that_was_wrong() -> None:
    (early,) = charges(attempt(1, failed_since=NOON - 9 * HOUR))
    (late,) = charges(attempt(1, failed_since=NOON + 9 * HOUR))
    assert (early.lost_to_failure_hours, late.lost_to_failure_hours) == (1.0, 0.0)


def test_an_attempt_that_took_no_time_counts_as_one() -> None:
    (row,) = charges(attempt(0, usage={"cpu_seconds": 0.0}))
    assert (row.day, row.runs, row.device_hours) == (DAY, 1, 0.0)


def test_an_attempt_that_ended_at_midnight_is_one_of_the_new_day_with_all_its_time_on_the_old() -> None:
    rows = charges(attempt(2, begin=EVENING))
    assert [(row.day, row.runs, row.device_hours) for row in rows] == [(DAY, 0, 2.0), (date(2026, 11, 29), 1, 0.0)]


def test_an_attempt_that_is_said_to_have_run_for_centuries_does_not_fill_the_store() -> None:
    hours = 24.0 * (MOST_DAYS + 1)
    (row,) = charges(attempt(hours))
    assert (row.runs, row.device_hours) == (1, hours)
    assert len(charges(attempt(24.0 * MOST_DAYS))) == MOST_DAYS + 1


def test_rows_add_up_in_all_that_is_no_name() -> None:
    assert set(SUMMED) == UsageRow.model_fields.keys() - {"day", "vc", "owner", "device_type"}
    (row,) = charges(on_gpus(1, failed_since=NOON))
    both = added(row, [row, row])
    assert both == row.model_copy(update={field: 3 * getattr(row, field) for field in SUMMED})
