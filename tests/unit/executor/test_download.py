"""A download's pieces, joined, are the run's lines, wherever a piece ends and whoever comes back for the next."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.executor.backends.frames import HEADER, LONGEST, LOSS, LOST, STDERR, STDOUT, frame, split
from services.executor.domain.lines import Lost
from services.executor.download import PIECE_BYTES, REMEMBERED, Downloads
from services.executor.output import MOST_LOST, OutputReader

PIECES = [b"a", b"b\n", b"c\nd", b"\n", b"x" * 60_000, b"y\n" * 30_000]
FRAMES = st.lists(st.tuples(st.sampled_from([STDOUT, STDERR]), st.sampled_from(PIECES)), max_size=20)


def write(path: Path, frames: list[tuple[int, bytes]]) -> None:
    path.write_bytes(b"".join(frame(stream, 17, data) for stream, data in frames))


def all_of(path: Path, fresh: bool = False) -> str:
    """Every piece; `fresh`: each from a process that remembers nothing."""
    downloads, offset, text = Downloads(), 0, ""
    while True:
        if fresh:
            downloads = Downloads()
        piece = downloads.piece(path, offset, over=True)
        text += piece.text
        if piece.end:
            return text
        assert piece.next_offset > offset
        offset = piece.next_offset


def lines_of(frames: list[tuple[int, bytes]]) -> list[str]:
    """Each stream's lines, by a slow reading."""
    found: list[str] = []
    for stream in (STDOUT, STDERR):
        whole = b"".join(data for kind, data in frames if kind == stream).decode()
        found += [_cut(line) for line in whole.removesuffix("\n").split("\n")] if whole else []
    return sorted(found)


def _cut(line: str) -> str:
    return line if len(line) <= 16_384 else line[:16_384] + " [... cut at 16 KiB]"


@given(frames=FRAMES, fresh=st.booleans())
def test_the_pieces_together_are_all_lines_once(
    tmp_path_factory: pytest.TempPathFactory, frames: list[tuple[int, bytes]], fresh: bool
) -> None:
    path = tmp_path_factory.mktemp("run") / "output"
    write(path, frames)
    text = all_of(path, fresh)
    assert sorted(text.split("\n")[:-1]) == lines_of(frames)
    assert text == "" or text.endswith("\n")


def test_a_large_output_comes_in_pieces_of_a_bounded_size(tmp_path: Path) -> None:
    path = tmp_path / "output"
    write(path, [(STDOUT, b"line\n" * 10_000) for _ in range(40)])
    downloads, offset, sizes = Downloads(), 0, []
    while True:
        piece = downloads.piece(path, offset, over=True)
        sizes.append(len(piece.text))
        offset = piece.next_offset
        if piece.end:
            break
    assert sum(sizes) == 40 * 50_000
    assert len(sizes) > 10
    assert max(sizes) <= 2 * PIECE_BYTES


def test_an_unfinished_line_is_told_only_when_the_run_is_over(tmp_path: Path) -> None:
    path = tmp_path / "output"
    write(path, [(STDOUT, b"whole\nhalf")])
    downloads = Downloads()
    piece = downloads.piece(path, 0, over=False)
    assert (piece.text, piece.end) == ("whole\n", True)
    assert downloads.piece(path, piece.next_offset, over=True).text == "half\n"


def test_a_reader_that_follows_gets_what_was_written_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "output"
    write(path, [(STDOUT, b"one\ntw")])
    downloads = Downloads()
    first = downloads.piece(path, 0, over=False)
    write(path, [(STDOUT, b"one\ntw"), (STDOUT, b"o\n")])
    assert first.text + downloads.piece(path, first.next_offset, over=True).text == "one\ntwo\n"


def test_a_place_that_was_forgotten_is_found_again_from_the_start(tmp_path: Path) -> None:
    path, other = tmp_path / "output", tmp_path / "other"
    write(path, [(STDOUT, b"one\ntw"), (STDERR, b"error\n")])
    write(other, [(STDOUT, b"x\n")] * (REMEMBERED + 5))
    downloads = Downloads()
    first = downloads.piece(path, 0, over=False)
    for number in range(1, REMEMBERED + 6):
        other.write_bytes(frame(STDOUT, 17, b"x\n") * number)
        downloads.piece(other, 0, over=False)
    assert downloads.piece(path, first.next_offset, over=True).text == "tw\n"


def test_a_silent_run_has_nothing_to_download(tmp_path: Path) -> None:
    piece = Downloads().piece(tmp_path / "missing", 0, over=True)
    assert (piece.text, piece.next_offset, piece.end) == ("", 0, True)


@pytest.mark.parametrize(
    "forged",
    [
        frame(7, 17, b"of no stream"),
        frame(STDOUT | LOST, 17, b"short"),
        frame(STDOUT | LOST, 17, LOSS.pack(1, 1) + b"long"),
        HEADER.pack(STDOUT, 17, LONGEST + 1) + b"x" * LONGEST,
    ],
)
def test_what_no_supervisor_has_written_ends_what_can_be_read(tmp_path: Path, forged: bytes) -> None:
    path = tmp_path / "output"
    before = frame(STDOUT, 17, b"before\n")
    path.write_bytes(before + forged + frame(STDOUT, 17, b"after\n"))
    assert all_of(path) == "before\n"
    assert split(path.read_bytes())[1] == len(before)


def test_a_loss_of_more_lines_than_anybody_can_count_is_one_of_very_many(tmp_path: Path) -> None:
    path = tmp_path / "output"
    path.write_bytes(frame(STDOUT | LOST, 17, LOSS.pack((1 << 64) - 1, 1)))
    assert OutputReader(path).read() == [Lost(MOST_LOST)]
