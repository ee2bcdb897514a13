"""Where points stand, and what a counter's rate is; tests/property/test_rates.py holds it to a plain model."""

from math import inf, nan

import pytest

from services.metrics.domain.grid import Grid, held, highest, mean, rate

GRID = Grid(start=100.0, end=160.0, step=10.0)


def counted(*samples: tuple[float, float], attempt: int = 1) -> list[tuple[float, int, float]]:
    return [(time, attempt, value) for time, value in samples]


def test_a_point_speaks_for_the_step_that_ends_there() -> None:
    assert highest(GRID, [100.0, 100.001, 105.0, 110.0, 110.001], [1.0, 2.0, 3.0, 4.0, 5.0]) == {
        100.0: 1.0,
        110.0: 4.0,
        120.0: 5.0,
    }


def test_a_step_without_a_sample_has_no_point() -> None:
    assert highest(GRID, [105.0, 145.0], [1.0, 2.0]) == {110.0: 1.0, 150.0: 2.0}


def test_what_was_not_measured_is_absent_and_not_zero() -> None:
    assert highest(GRID, [105.0, 115.0, 125.0], [1.0, nan, 0.0]) == {110.0: 1.0, 130.0: 0.0}
    assert rate(GRID, counted((100.0, 1.0), (105.0, nan), (110.0, 6.0))) == {110.0: 0.5}


def test_the_largest_of_a_step_is_its_peak_and_the_mean_of_a_step_its_use() -> None:
    times, values = [101.0, 105.0, 109.0, 115.0], [1.0, 9.0, 2.0, 3.0]
    assert highest(GRID, times, values) == {110.0: 9.0, 120.0: 3.0}
    assert mean(GRID, times, values) == {110.0: 4.0, 120.0: 3.0}


def test_what_was_said_holds_until_it_is_said_anew_or_the_attempt_ends() -> None:
    times = [90.0, 105.0, 106.0, 125.0, 135.0, 145.0, 160.0]
    said = [1.0, nan, 2.0, nan, 3.0, nan, nan]
    assert held(GRID, times, [1, 1, 1, 1, 1, 2, 2], said) == {
        100.0: 1.0,
        110.0: 2.0,
        120.0: 2.0,
        130.0: 2.0,
        140.0: 3.0,
    }


def test_what_is_no_number_leaves_a_gap_until_one_is_said() -> None:
    times = [101.0, 115.0, 135.0, 145.0, 155.0]
    assert held(GRID, times, [1] * 5, [1.0, inf, nan, 4.0, nan]) == {110.0: 1.0, 150.0: 4.0, 160.0: 4.0}


def test_an_attempt_that_has_said_nothing_yet_does_not_hide_what_the_one_before_said() -> None:
    assert held(GRID, [102.0, 108.0], [1, 2], [1.0, nan]) == {110.0: 1.0}


def test_only_points_of_the_grid_are_there() -> None:
    times = [50.0, 90.0, 95.0, 160.0, 161.0, 1e12, -1e12]
    assert set(highest(GRID, times, [1.0] * len(times))) == {100.0, 160.0}


def test_the_last_point_is_the_last_whole_step_before_the_end() -> None:
    assert highest(Grid(100.0, 165.0, 10.0), [160.0, 163.0], [1.0, 2.0]) == {160.0: 1.0}


def test_a_grid_of_one_moment_has_one_point() -> None:
    grid = Grid(100.0, 100.0, 10.0)
    assert grid.points == 1
    assert highest(grid, [95.0, 101.0], [1.0, 2.0]) == {100.0: 1.0}


def test_times_that_no_float_holds_exactly_stand_where_they_belong() -> None:
    grid = Grid(1_795_858_200.1, 1_795_858_201.1, 0.1)
    times = [round(1_795_858_200.1 + number * 0.1, 3) for number in range(11)]
    assert list(highest(grid, times, [float(number) for number in range(11)]).items()) == [
        (time, float(number)) for number, time in enumerate(times)
    ]


def test_the_rate_of_a_step_is_measured_from_the_last_sample_before_it() -> None:
    samples = counted((99.0, 0.0), (104.0, 5.0), (109.0, 5.0), (119.0, 25.0))
    assert rate(GRID, samples) == {110.0: 0.5, 120.0: 2.0}


def test_a_run_shorter_than_a_step_has_a_rate() -> None:
    assert rate(GRID, counted((101.0, 0.0), (102.0, 1.0), (103.0, 2.0))) == {110.0: 1.0}


def test_one_sample_alone_has_no_rate() -> None:
    assert rate(GRID, counted((101.0, 7.0))) == {}


def test_samples_that_are_missing_for_a_time_do_not_lose_what_was_used() -> None:
    assert rate(GRID, counted((101.0, 0.0), (106.0, 5.0), (156.0, 55.0))) == {110.0: 1.0, 160.0: 1.0}


def test_no_rate_goes_from_one_attempt_to_the_next() -> None:
    samples = [*counted((101.0, 0.0), (106.0, 50.0)), *counted((111.0, 0.0), (116.0, 5.0), attempt=2)]
    assert rate(GRID, samples) == {110.0: 10.0, 120.0: 1.0}
    higher = [*counted((101.0, 0.0), (106.0, 50.0)), *counted((111.0, 500.0), (116.0, 505.0), attempt=2)]
    assert rate(GRID, higher)[120.0] == 1.0


def test_a_counter_that_falls_is_never_a_negative_rate() -> None:
    assert rate(GRID, counted((101.0, 50.0), (106.0, 10.0), (116.0, 20.0))) == {110.0: 0.0, 120.0: 1.0}


def test_a_clock_that_is_set_back_costs_one_rate() -> None:
    samples = counted((151.0, 0.0), (156.0, 5.0), (101.0, 10.0), (106.0, 20.0))
    assert rate(GRID, samples) == {160.0: 1.0, 110.0: 2.0}


@pytest.mark.parametrize(
    ("grid", "points"), [(GRID, 7), (Grid(0.0, 3600.0, 5.0), 721), (Grid(0.0, 1.0, 1e-300), 1e300)]
)
def test_a_grid_knows_how_many_points_it_has(grid: Grid, points: float) -> None:
    assert grid.points == pytest.approx(points)
