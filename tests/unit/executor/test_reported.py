"""Lines that a job reports: numbers under a hundred proper names, and every other thing dropped and counted."""

import json

import pytest

from services.executor.domain.reports import read
from shared.contracts.metrics import REPORTED_NAMES


def test_the_last_value_of_each_name_counts() -> None:
    found = read([b'{"loss": 2.5, "step": 1}', b'{"loss": 0.5}', b'{"val/acc": 0.9, "time": 1795475570}'], ())
    assert (found.values, found.dropped) == ({"loss": 0.5, "step": 1.0, "val/acc": 0.9}, 0)


@pytest.mark.parametrize(
    "line",
    [
        b"loss=0.5",
        b"{",
        b"[1, 2]",
        b"3",
        b'"loss"',
        b"null",
        b"\xff\xfe",
        b"\x00",
        b"[" * 60_000,
        b'{"a": ' * 10_000,
        b'{"loss": ' + b"9" * 10_000 + b"}",
    ],
)
def test_a_line_that_cannot_be_read_is_one_dropped_value(line: bytes) -> None:
    found = read([b'{"step": 1}', line, b'{"step": 2}'], ())
    assert (found.values, found.dropped) == ({"step": 2.0}, 1)


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_name_whose_last_value_is_not_finite_is_told_as_such_and_nothing_is_dropped(value: str) -> None:
    diverged = read([b'{"loss": 0.5, "acc": NaN}', f'{{"loss": {value}, "acc": 0.5}}'.encode()], ())
    assert (diverged.values, diverged.not_finite, diverged.dropped) == ({"acc": 0.5}, ("loss",), 0)
    assert read([f'{{"no name": {value}}}'.encode()], ()).dropped == 1


@pytest.mark.parametrize("value", ["true", "null", '"1"', "[1]", "{}"])
def test_a_value_that_is_no_number_is_dropped(value: str) -> None:
    found = read([f'{{"loss": {value}, "step": 3}}'.encode()], ())
    assert (found.values, found.dropped) == ({"step": 3.0}, 1)


def test_a_whole_number_too_large_for_a_float_is_dropped() -> None:
    assert read([b'{"loss": ' + b"9" * 400 + b"}"], ()).dropped == 1


@pytest.mark.parametrize("name", ["", "1", "a b", "a\nb", 'a"', "a{}", "$ne", "é", "\u2028", "a" * 65, "..", "a\ud800"])
def test_a_name_that_may_not_be_is_dropped(name: str) -> None:
    found = read([json.dumps({name: 1.0, "step": 3}).encode()], ())
    assert (found.values, found.dropped) == ({"step": 3.0}, 1)


def test_blank_lines_say_nothing_and_are_no_fault() -> None:
    assert read([b"", b"  \r", b"{}"], ()).dropped == 0


def test_the_first_hundred_names_count_and_all_values_under_others_are_dropped() -> None:
    lines = [json.dumps({f"n{number}": number}).encode() for number in range(1_000)]
    found = read(lines, ())
    assert set(found.values) == {f"n{number}" for number in range(REPORTED_NAMES)}
    assert found.dropped == 900
    later = read([b'{"n5": -1, "other": 1}', b'{"other": 2}'], found.values)
    assert (later.values, later.dropped) == ({"n5": -1.0}, 2)


def test_a_name_that_was_known_before_needs_no_new_place() -> None:
    known = [f"n{number}" for number in range(REPORTED_NAMES - 1)]
    found = read([b'{"a": 1}', b'{"b": 1}', b'{"n0": 1}'], known)
    assert (found.values, found.dropped) == ({"a": 1.0, "n0": 1.0}, 1)
