"""Lines of a pod's log: parsed, and told apart from those that are stored already."""

import pytest

from services.executor.domain.pod_log import LogLine, Position, Resumption, parse

SECOND = 1_796_400_000_000_000_000


@pytest.mark.parametrize(
    ("stamp", "time_ns"),
    [
        ("2026-12-04T12:00:00.123456789Z", 1_796_385_600_123_456_789),
        ("2026-12-04T12:00:00.5Z", 1_796_385_600_500_000_000),
        ("2026-12-04T12:00:00Z", 1_796_385_600_000_000_000),
        ("2026-12-04T14:00:00.000000001+02:00", 1_796_385_600_000_000_001),
        ("2026-12-04T09:00:00.1-03:00", 1_796_385_600_100_000_000),
    ],
)
def test_a_line_has_its_moment_to_the_nanosecond(stamp: str, time_ns: int) -> None:
    assert parse(f"{stamp} a  b\n".encode()) == LogLine(time_ns, b"a  b\n")


@pytest.mark.parametrize("line", [b"failed to try resolving symlinks\n", b"", b"\xff\xfe x"])
def test_what_the_node_says_of_itself_is_no_line(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(line)


def resumed(position: Position, times: list[int]) -> tuple[list[int], bool]:
    """Those of the lines that are new, and whether something is lost before them."""
    resumption, new, lost = Resumption(position), list[int](), False
    for lines, gap in (*(resumption.take(LogLine(time_ns, b"")) for time_ns in times), resumption.settle()):
        new += [line.time_ns for line in lines]
        lost = lost or gap
    return new, lost


def test_a_log_that_was_never_read_is_new_from_its_first_line() -> None:
    assert resumed(Position(), [1, 2, 2]) == ([1, 2, 2], False)
    assert Position().since is None


def test_lines_up_to_the_last_one_stored_are_dropped() -> None:
    last = Position().after(SECOND + 1).after(SECOND + 5)
    assert last.since == "2026-12-04T16:00:00Z"
    assert resumed(last, [SECOND, SECOND + 1, SECOND + 5, SECOND + 7]) == ([SECOND + 7], False)


def test_of_lines_of_one_moment_only_those_stored_are_dropped() -> None:
    last = Position().after(5).after(9).after(9)
    assert resumed(last, [5, 9, 9, 9, 10]) == ([9, 10], False)


def test_a_last_line_that_does_not_come_again_tells_of_a_gap() -> None:
    assert resumed(Position().after(9), [12, 13]) == ([12, 13], True)
    assert resumed(Position().after(9).after(9), [9, 12]) == ([12], True)


def test_nothing_new_is_no_gap() -> None:
    assert resumed(Position().after(9), []) == ([], False)
    assert resumed(Position().after(9), [8, 9]) == ([], False)


def test_a_line_that_is_stamped_before_the_last_one_and_stored_after_it_is_new() -> None:
    stored = Position().after(7).after(9)
    assert resumed(stored, [7, 9, 8, 10]) == ([8, 10], False)


def test_a_line_that_is_stamped_after_the_last_one_and_stored_before_it_is_not() -> None:
    stored = Position().after(10).after(9)
    assert resumed(stored, [10, 9, 11]) == ([11], False)


def test_a_last_line_that_has_not_come_within_a_second_of_the_log_is_not_waited_for() -> None:
    resumption = Resumption(Position().after(SECOND))
    assert resumption.take(LogLine(SECOND + 5, b"")) == ([], False)
    lines, lost = resumption.take(LogLine(SECOND + 2_000_000_000, b""))
    assert ([line.time_ns for line in lines], lost) == ([SECOND + 5, SECOND + 2_000_000_000], True)
