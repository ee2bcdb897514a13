"""A pod's log: cut into lines as it arrives, and those that are new told apart from those that are stored already."""

import pytest

from services.executor.domain.pod_log import (
    STAMP_BYTES,
    WAITING_BYTES,
    Piece,
    Placed,
    Position,
    Resumption,
    Splitter,
    parse,
)

SECOND = 1_796_400_000_000_000_000
STAMP = b"2026-12-04T12:00:00.000000001Z "


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
    assert parse(f"{stamp} a  b\n".encode()) == Piece(time_ns, b"a  b\n")


@pytest.mark.parametrize("line", [b"failed to try resolving symlinks\n", b"", b"\xff\xfe x"])
def test_what_the_node_says_of_itself_is_no_line(line: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse(line)


# --- bytes into lines


def texts(splitter: Splitter, *arrivals: bytes) -> list[tuple[bytes, bool]]:
    return [(piece.data, piece.begins) for data in arrivals for piece in splitter.feed(data)]


def test_lines_are_found_wherever_what_arrives_is_cut() -> None:
    log = STAMP + b"one\n" + STAMP + b"\n" + STAMP + b"two words\n"
    for cut in range(len(log)):
        whole = b""
        for data, begins in texts(Splitter(), log[:cut], log[cut:]):
            assert begins == (not whole or whole.endswith(b"\n"))
            whole += data
        assert whole == b"one\n\ntwo words\n"


def test_a_line_without_an_end_is_passed_on_as_it_comes() -> None:
    splitter = Splitter()
    assert texts(splitter, STAMP + b"abc") == [(b"abc", True)]
    assert texts(splitter, b"def") == [(b"def", False)]
    assert texts(splitter, b"g\n" + STAMP + b"h") == [(b"g\n", False), (b"h", True)]


def test_what_is_no_line_is_passed_over_however_long_it_is() -> None:
    splitter = Splitter()
    noise = b"x" * (STAMP_BYTES + 1)
    assert texts(splitter, noise, noise, b"end\n" + STAMP + b"a\n") == [(b"a\n", True)]
    assert texts(splitter, b"unable to retrieve container logs", b" for x\n" + STAMP + b"b\n") == [(b"b\n", True)]
    assert splitter.unreadable == 2


# --- where the log goes on


def stored(*lines: tuple[int, bytes]) -> Position:
    position = Position()
    for time_ns, data in lines:
        position = position.after(time_ns, data)
    return position


def at(*times: int) -> Position:
    return stored(*((time_ns, b"x\n") for time_ns in times))


def resumed(position: Position, times: list[int]) -> tuple[list[int], bool]:
    """Those of the lines that are new, and whether something is lost before them."""
    resumption, new, lost = Resumption(position), list[int](), False
    pieces = [Piece(time_ns, b"x\n") for time_ns in times]
    found = [placed for piece in pieces for placed in resumption.take(piece)]
    for placed in [*found, *resumption.settle()]:
        if placed.stored is not None and placed.stored < len(placed.piece.data):
            new.append(placed.piece.time_ns)
        lost = lost or placed.after_gap
    return new, lost


def test_a_log_that_was_never_read_is_new_from_its_first_line() -> None:
    assert resumed(Position(), [1, 2, 2]) == ([1, 2, 2], False)
    assert Position().since is None


def test_lines_up_to_the_last_one_stored_are_dropped() -> None:
    last = at(SECOND + 1, SECOND + 5)
    assert last.since == "2026-12-04T16:00:00Z"
    assert resumed(last, [SECOND, SECOND + 1, SECOND + 5, SECOND + 7]) == ([SECOND + 7], False)


def test_of_lines_of_one_moment_only_those_stored_are_dropped() -> None:
    assert resumed(at(5, 9, 9), [5, 9, 9, 9, 10]) == ([9, 10], False)


def test_of_a_line_that_was_cut_off_in_its_middle_the_rest_is_new() -> None:
    position = stored((5, b"a\n"), (9, b"abc"), (9, b"de"))
    resumption = Resumption(position)
    line = Piece(9, b"abcdefg\n")
    assert list(resumption.take(Piece(5, b"a\n"))) == [Placed(Piece(5, b"a\n"), None)]
    assert list(resumption.take(line)) == [Placed(line, 5)]
    assert list(resumption.take(Piece(10, b"b\n"))) == [Placed(Piece(10, b"b\n"), 0)]


def test_a_last_line_that_does_not_come_again_tells_of_a_gap() -> None:
    assert resumed(at(9), [12, 13]) == ([12, 13], True)
    assert resumed(at(9, 9), [9, 12]) == ([12], True)


def test_nothing_new_is_no_gap() -> None:
    assert resumed(at(9), []) == ([], False)
    assert resumed(at(9), [8, 9]) == ([], False)


def test_a_line_that_is_stamped_before_the_last_one_and_stored_after_it_is_new() -> None:
    assert resumed(at(7, 9), [7, 9, 8, 10]) == ([8, 10], False)


def test_a_line_that_is_stamped_after_the_last_one_and_stored_before_it_is_not() -> None:
    assert resumed(at(10, 9), [10, 9, 11]) == ([11], False)


def test_a_last_line_that_has_not_come_within_a_second_of_the_log_is_not_waited_for() -> None:
    resumption = Resumption(at(SECOND))
    assert list(resumption.take(Piece(SECOND + 5, b""))) == []
    assert resumption.waits
    first, second = resumption.take(Piece(SECOND + 2_000_000_000, b""))
    assert (first.after_gap, second.after_gap) == (True, False)
    assert not resumption.waits


def test_only_so_much_is_kept_while_the_place_is_looked_for() -> None:
    resumption, waiting = Resumption(at(SECOND)), 0
    while not list(resumption.take(Piece(SECOND + 1, b"\n", begins=False))):
        waiting += 1
    assert waiting * 100 < WAITING_BYTES
