"""The file that a run reports to: read as it grows, a bounded piece at a time, and inert whatever a run makes of it."""

import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.usage.reports import COUNTED_BYTES, LINE_BYTES, READ_BYTES, WAITING_BYTES, Look, Position, look


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "run.jsonl"


def append(file: Path, data: bytes) -> None:
    with file.open("ab") as open_file:
        open_file.write(data)


def next_look(file: Path, before: Look, last: bool = False) -> Look:
    return look(file, before.position, last)


def test_nothing_is_there_before_a_run_reports(file: Path) -> None:
    assert look(file, Position()) == Look(Position())


def test_each_line_is_read_once_and_only_when_it_is_whole(file: Path) -> None:
    append(file, b"one\ntw")
    first = look(file, Position())
    assert (first.lines, first.passed_over) == ((b"one",), 0)
    assert next_look(file, first).lines == ()
    append(file, b"o\nthree\n")
    second = next_look(file, first)
    assert second.lines == (b"two", b"three")
    assert next_look(file, second).lines == ()


@given(st.lists(st.binary(max_size=40).map(lambda piece: piece.replace(b"|", b"\n"))), st.data())
def test_however_lines_arrive_each_is_read_once_and_in_order(pieces: list[bytes], data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "run.jsonl")
        found = Look(Position())
        lines: list[bytes] = []
        for piece in pieces:
            append(file, piece)
            if data.draw(st.booleans()):
                found = next_look(file, found)
                lines += found.lines
        lines += next_look(file, found, last=True).lines
        written = b"".join(pieces).split(b"\n")
        assert lines == (written if written[-1] else written[:-1])


def test_the_last_look_takes_a_line_without_an_end(file: Path) -> None:
    append(file, b"one\ntwo")
    found = look(file, Position(), last=True)
    assert found.lines == (b"one", b"two")
    assert next_look(file, found, last=True).lines == ()


def test_a_file_that_was_cut_or_replaced_is_read_from_its_start(file: Path) -> None:
    append(file, b"one\ntwo\n")
    first = look(file, Position())
    file.write_bytes(b"cut\n")
    second = next_look(file, first)
    assert second.lines == (b"cut",)
    other = file.with_name("other")
    other.write_bytes(b"new one\nnew two\nnew three\n")
    os.replace(other, file)
    third = next_look(file, second)
    assert third.lines == (b"new one", b"new two", b"new three")
    file.unlink()
    assert next_look(file, third).lines == ()


def test_only_regular_files_are_read_and_nothing_waits(file: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b'{"secret": 1}\n')
    file.symlink_to(secret)
    assert look(file, Position()).lines == ()
    file.unlink()
    file.symlink_to("/dev/zero")
    assert look(file, Position()).lines == ()
    file.unlink()
    os.mkfifo(file)
    assert look(file, Position()).lines == ()  # nobody writes to it
    file.unlink()
    file.mkdir()
    assert look(file, Position()).lines == ()
    file.rmdir()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(file))
        assert look(file, Position()).lines == ()
    file.unlink()
    file.symlink_to(file)
    assert look(file, Position()).lines == ()


def numbered(count: int) -> bytes:
    return b"".join(b'{"name%07d": 1}\n' % number for number in range(count))


def test_many_lines_at_once_are_read_in_their_order_a_piece_with_each_look(file: Path) -> None:
    written = b'{"lr": 0.1}\n' + numbered(10_000) + b'{"val_acc": 0.5}\n' + numbered(10_000)
    append(file, written)
    found, lines = look(file, Position()), list[bytes]()
    while found.lines:
        assert len(b"\n".join(found.lines)) <= READ_BYTES
        assert found.passed_over == 0
        lines += found.lines
        found = next_look(file, found)
    assert lines == written.splitlines()


def test_the_last_look_takes_all_that_waits(file: Path) -> None:
    append(file, numbered(20_000) + b"end")
    first = look(file, Position())
    last = next_look(file, first, last=True)
    assert (first.passed_over, last.passed_over) == (0, 0)
    assert [*first.lines, *last.lines] == [*numbered(20_000).splitlines(), b"end"]


@pytest.mark.parametrize(("last", "budget"), [(False, READ_BYTES), (True, WAITING_BYTES)])
def test_of_a_flood_the_newest_lines_are_read_and_the_others_counted(file: Path, last: bool, budget: int) -> None:
    count = 300_000
    append(file, numbered(count))
    assert file.stat().st_size > WAITING_BYTES
    found = look(file, Position(), last)
    assert len(b"\n".join(found.lines)) <= budget
    assert found.lines[-1] == b'{"name%07d": 1}' % (count - 1)
    assert found.lines[0] == b'{"name%07d": 1}' % found.passed_over  # none is missing, none counted twice
    assert len(found.lines) + found.passed_over == count
    append(file, b"next\n")
    assert next_look(file, found) == Look(Position(inode=found.position.inode, offset=file.stat().st_size), (b"next",))


def test_a_line_that_is_too_long_is_passed_over_as_one_however_it_arrives(file: Path) -> None:
    append(file, b"one\n" + b"x" * (LINE_BYTES + 1))
    first = look(file, Position())
    assert (first.lines, first.passed_over) == ((b"one",), 0)
    for _ in range(3):
        append(file, b"x" * READ_BYTES)
        first = next_look(file, first)
        assert (first.lines, first.passed_over) == ((), 0)
    append(file, b"end\ntwo\n")
    second = next_look(file, first)
    assert (second.lines, second.passed_over) == ((b"two",), 1)
    append(file, b"y" * (LINE_BYTES + 1) + b"\nthree\n")
    third = next_look(file, second)
    assert (third.lines, third.passed_over) == ((b"three",), 1)
    append(file, b"z" * (2 * WAITING_BYTES) + b"\nfour\n")
    fourth = next_look(file, third)
    assert (fourth.lines, fourth.passed_over) == ((b"four",), 1)


def test_a_line_as_long_as_one_may_be_is_read_wherever_it_begins(file: Path) -> None:
    long = b"x" * LINE_BYTES
    append(file, b"one\n" * 5_000 + long + b"\n" + long + b"\ntwo\n")
    found, lines = look(file, Position()), list[bytes]()
    while found.lines:
        lines += found.lines
        found = next_look(file, found)
    assert lines == [*[b"one"] * 5_000, long, long, b"two"]


def test_a_long_line_that_never_ends_counts_at_the_last_look(file: Path) -> None:
    append(file, b"x" * READ_BYTES)
    first = look(file, Position())
    assert next_look(file, first, last=True).passed_over == 1


def test_gigabytes_cost_one_bounded_look_and_what_was_never_looked_at_counts_as_one(file: Path) -> None:
    hole = 64 << 30
    with file.open("wb") as open_file:
        open_file.truncate(hole)  # a hole: it takes no room, and reads as zeros
    append(file, b"\nlast\n")
    found = look(file, Position())
    assert found.lines == (b"last",)
    assert found.passed_over == 2  # the part beyond, and the line of zeros that ends before the last one
    assert found.position.offset == hole + len(b"\nlast\n")
    assert hole > COUNTED_BYTES


def test_a_file_that_may_not_be_read_is_left_alone(file: Path) -> None:
    append(file, b"one\n")
    gone = file / "below a file"
    assert look(gone, Position()).lines == ()
