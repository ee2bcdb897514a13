"""Graphs of block characters, and figures with their units."""

from math import inf

import pytest

from jobyard.cli.figures import figure, size
from jobyard.cli.graph import BLOCKS, columns, graph


def test_each_column_has_the_mean_of_its_stretch() -> None:
    assert columns([(1, 2.0), (2, 4.0), (3, 5.0)], 0, 4, 1, 2) == [3.0, 5.0]


def test_where_nothing_is_known_a_column_is_empty() -> None:
    assert columns([(1, 2.0), (4, 3.0)], 0, 4, 1, 4) == [2.0, None, None, 3.0]
    assert columns([], 0, 4, 1, 3) == [None, None, None]


def test_a_point_fills_the_columns_of_the_step_that_ends_there() -> None:
    assert columns([(10, 1.0), (30, 3.0)], 0, 30, 10, 6) == [1.0, 1.0, None, None, 3.0, 3.0]


def test_points_at_both_ends_are_drawn() -> None:
    assert columns([(0, 1.0), (10, 2.0)], 0, 10, 1, 5) == [1.0, None, None, None, 2.0]


def test_a_graph_rises_from_the_lowest_block_to_the_highest() -> None:
    assert graph([0, 1, 2, 3, 4, 5, 6, 7, 8], 0, 8, 1) == ["▁▁▂▃▄▅▆▇█"]
    assert graph([0, 8, 12, 16], 0, 16, 2) == ["  ▄█", "▁███"]


def test_what_is_unknown_is_blank_and_what_is_zero_is_not() -> None:
    assert graph([None, 0.0, None, 1.0], 0, 1, 1) == [" ▁ █"]


def test_a_flat_line_at_zero_or_anywhere_is_drawn() -> None:
    assert graph([0.0, 0.0], 0, 0, 2) == ["  ", "▁▁"]
    assert graph([-3.0, -3.0], -3, -3, 1) == ["▁▁"]


def test_values_beyond_the_scale_stay_inside_the_picture() -> None:
    for line in graph([-1e300, 1e300, 5.0], 0, 1, 3):
        assert len(line) == 3 and set(line) <= set(BLOCKS)
    assert graph([-1.7e308, 0.0, 1.7e308], -1.7e308, 1.7e308, 1) == ["▁▄█"]
    assert graph([0.0, 5e-324], 0.0, 5e-324, 1) == ["▁█"]
    assert columns([(1, 1.7e308), (2, 1.7e308)], 0, 2, 1, 1) == [1.7e308]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0 B"),
        (512, "512 B"),
        (1023.7, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (10 * 2**20, "10 MiB"),
        (301 * 2**20, "301 MiB"),
        (2**30 - 1, "1.0 GiB"),
        (2**60, "1024 PiB"),
        (2**70 + 1, "over 1 ZiB"),
        (10**400, "over 1 ZiB"),
        (inf, "over 1 ZiB"),
    ],
)
def test_sizes_have_the_unit_that_reads_best(value: float, text: str) -> None:
    assert size(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (1.018, "cores", "1.02"),
        (0.47, "ratio", "47 %"),
        (1536, "bytes_per_second", "1.5 KiB/s"),
        (0.12345678, "", "0.123457"),
        (12_559.0, "", "12,559"),
        (12_559.5, "", "12559.5"),
        (-1_000_000.0, "", "-1,000,000"),
        (-0.0, "", "0"),
        (999_999_999_999_999.0, "", "999,999,999,999,999"),
        (1e15, "", "1e+15"),
        (1e300, "", "1e+300"),
        (float("nan"), "", "nan"),
        (float("-inf"), "", "-inf"),
        (3.0, "watts", "3"),
    ],
)
def test_figures_are_written_by_their_unit(value: float, unit: str, text: str) -> None:
    assert figure(value, unit) == text
