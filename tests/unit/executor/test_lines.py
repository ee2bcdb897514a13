"""Lines as a terminal would show them, held against a slow reading of the same bytes, however they were cut up."""

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.executor.domain.chunks import Chunker, halves
from services.executor.domain.lines import CARRY_BYTES, LineAssembler, Lines, Lost, unfinished
from services.executor.domain.row import FILLABLE, WIDTH, Row
from services.executor.domain.style import sequence, styled
from shared.contracts.logs import CHUNK_BYTES, CUT, LINE_BYTES, UNFINISHED_CHARS, LogLine, Stream

ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def reference(data: bytes) -> list[str]:
    """One character after the other onto a line of cells."""
    lines = data.split(b"\n")
    rest = lines.pop()
    if rest:
        lines.append(rest)
    return [_shown(line) for line in lines]


TOKENS = re.compile(r"\x1b\[([0-9;:]*)m|\x1b\[([02]?)K|\x1b\[\?25[hl]|(\r)|(.)", re.DOTALL)


def cells_of(text: str, style: str = "") -> tuple[list[tuple[str, str]], str]:
    """One character after the other onto a row of cells, each with what the sequences since the last reset say."""
    cells: list[tuple[str, str]] = []
    cursor = 0
    for paint, erase, home, character in (match.groups() for match in TOKENS.finditer(text)):
        if home:
            cursor = 0
        elif erase is not None:
            del cells[0 if erase == "2" else cursor :]
        elif paint is not None:
            style = "" if paint in ("", "0") else f"{style};{paint}" if "0;" not in paint else paint.partition("0;")[2]
        elif character:
            cells += [(" ", "")] * (cursor - len(cells))
            cells[cursor : cursor + 1] = [(character, style)]
            cursor += 1
    return cells, style


def looks(style: str) -> dict[str, str]:
    """What a series of codes comes to, of those that the tests write: 1 is bold, the others are colours."""
    found = {"bold": "", "front": "", "back": ""}
    for code in style.split(";"):
        found |= (
            {"bold": code} if code == "1" else {"front": code} if code[:1] == "3" else {"back": code} if code else {}
        )
    return found


def painted(text: str) -> list[tuple[str, dict[str, str]]]:
    return [(character, looks(style)) for character, style in cells_of(text)[0]]


def _shown(line: bytes) -> str:
    text = line.decode("utf-8", "replace")
    if "\r" in text:
        text = "".join(character for character, _ in cells_of(text)[0])
    encoded = text.encode()
    if len(encoded) <= LINE_BYTES:
        return text
    return encoded[:LINE_BYTES].decode("utf-8", "ignore") + CUT


def assembled(pieces: list[bytes]) -> list[str]:
    assembler = LineAssembler()
    found = [assembler.feed(1, number, piece) for number, piece in enumerate(pieces)]
    found += assembler.flush(9)
    texts = [line for lines in found if lines for line in lines.text.split("\n")]
    assert sum(lines.count for lines in found if lines) == len(texts)
    return texts


def cut_up(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[begin:end] for begin, end in pairwise(edges)]


ALPHABET = st.lists(
    st.sampled_from(
        [b"a", b"bc", b"\r", b"\n", b"\r\n", "é€🙂".encode(), b"\xff", b"\xe2\x82", b"\x1b", b"[0", b"x" * 9000]
    ),
    max_size=60,
).map(b"".join)


@given(data=ALPHABET, places=st.lists(st.integers(0, 1 << 20), max_size=8))
@example(data=b"progress 10%\rprogress 9%\n", places=[5, 14])
@example(data=b"one\r\ntwo\r\n", places=[4])
@example(data=b"\xe2\x82\xac" * 40_000, places=[CARRY_BYTES + 1, CARRY_BYTES + 5])
@example(data=b"a" * 100_000 + b"\rb\n", places=[70_000, 99_999])
def test_the_same_lines_however_the_stream_is_cut_up(data: bytes, places: list[int]) -> None:
    assert assembled(cut_up(data, places)) == reference(data)


def test_a_carriage_return_overwrites_and_leaves_the_rest_of_a_longer_line() -> None:
    assert assembled([b"epoch 1 of 10\rdone\n"]) == ["doneh 1 of 10"]


BARS = st.lists(
    st.sampled_from(
        ["a", "bar ", "\r", "\x1b[K", "\x1b[0K", "\x1b[2K", "\x1b[31m", "\x1b[1;42m", "\x1b[0m", "\x1b[m", "\x1b[?25l"]
    ),
    max_size=40,
).map("".join)


@given(bar=BARS)
@example(bar="long text\r\x1b[31mred\x1b[0m")
@example(bar="\x1b[31mred\r\x1b[2K  \rx")
def test_a_rewritten_line_looks_as_on_a_terminal_in_characters_and_colours(bar: str) -> None:
    row = Row(bar)
    assert painted(row.shown()) == painted(bar)
    assert looks(cells_of(row.shown())[1]) == looks(cells_of(bar)[1]), "it leaves on what the run has left on"


@given(bar=BARS, rest=BARS)
def test_the_short_form_of_an_unfinished_line_goes_on_as_the_line_would(bar: str, rest: str) -> None:
    assert painted(Row(bar).again(CARRY_BYTES) + rest) == painted(bar + rest)


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        (b"\r 10%|#   |\r 20%|##  |", " 20%|##  |"),
        (b"\rwith a long ending\r\x1b[Kshort", "short"),
        (b"\x1b[?25l\r\x1b[2Kinstalling\r\x1b[2Kdone", "done"),
        (b"\r\x1b[32m##\x1b[0m 2\r\x1b[32m###\x1b[0m 3", "\x1b[0;32m###\x1b[0m 3"),
        (b"\r 50%\xe2\x96", " 50%"),
        (b"\r 50%\x1b[3", " 50%"),
        (b"almost over\r", "almost over"),
        (b"." * 10_000 + b"!", "." * (UNFINISHED_CHARS - 1) + "!"),
        (b"\r" + b"\x1b[1mx\x1b[0my" * 3000, "xy" * (UNFINISHED_CHARS // 2)),
        (b"\x1b[2K", ""),
        (b"", ""),
    ],
)
def test_an_unfinished_line_shows_its_visible_end(written: bytes, shown: str) -> None:
    assert unfinished(written) == shown


def test_a_hundred_megabytes_without_a_line_feed_keep_the_memory_flat() -> None:
    assembler = LineAssembler()
    for _ in range(1600):
        assert assembler.feed(1, 0, b"x" * 65_536) is None
        assert len(assembler.carry[1]) <= CARRY_BYTES + 65_536
    [line] = assembler.flush(0)
    assert line.text == "x" * LINE_BYTES + CUT


def test_erasing_before_each_character_fills_a_row_with_few_blanks_and_loses_no_character() -> None:
    row = Row("." * 8_000)
    filled = 0
    for _ in range(100):
        row.write("\x1b[2Kx")
        filled += row.shown().count(" ")
        assert row.shown().endswith("x")
    assert 0 < filled <= FILLABLE


PARAMETERS = st.lists(
    st.one_of(
        st.sampled_from(
            ["", "0" * 90 + "1", "4:3", "4:" + "0" * 80, "5:5", "38", "48", "58", "2", "5", "0255", "9" * 60]
        ),
        st.sampled_from(["38:2::255:0:0", "38:5:" + "0" * 60, "38:" + ":" * 90, "22", "31", "107"]),
    ),
    max_size=12,
).map(";".join)


@given(written=st.lists(PARAMETERS, max_size=12))
def test_a_style_is_small_however_it_was_written(written: list[str]) -> None:
    style = styled((), "")
    for parameters in written:
        style = styled(style, parameters)
    assert all(len(code) <= 24 for _, code in style)
    assert styled((), sequence(style)[2:-1]) == style, "what it is written as means the same"


@pytest.mark.parametrize("code", ["1", "0" * 90 + "1", "38;2;255;254;253", "38:2:" + "0" * 19])
def test_an_unfinished_line_stays_short_whatever_paints_it(code: str) -> None:
    assembler = LineAssembler()
    for _ in range(4):
        assembler.feed(1, 0, f"\x1b[{code}ma\x1b[{code};7mb".encode() * 10_000)
        assert len(assembler.carry[1]) <= CARRY_BYTES + 256
    line = unfinished(assembler.carry[1])
    assert "abab" in line and "\x1b" not in line


def test_what_takes_too_long_to_paint_goes_on_as_the_line_would_without_its_colours() -> None:
    row = Row("\x1b[1ma\x1b[0mb" * WIDTH + "\r\x1b[31mcd")
    short = row.again(CARRY_BYTES)
    assert len(short) <= CARRY_BYTES
    assert [character for character, _ in painted(short + "e")[:5]] == ["c", "d", "e", "b", "a"]
    assert painted(short + "e")[2][1]["front"] == "31"


def test_streams_do_not_disturb_one_another() -> None:
    assembler = LineAssembler()
    assert assembler.feed(1, 0, b"out") is None
    error = assembler.feed(2, 1, b"err\n")
    out = assembler.feed(1, 2, b"put\n")
    assert error is not None and (error.stream, error.text) == (2, "err")
    assert out is not None and (out.stream, out.time_ns, out.text) == (1, 2, "output")


def test_stored_lines_and_lost_ones_are_what_was_written() -> None:
    assembler = LineAssembler()
    pieces = [
        assembler.feed(1, 0, b"one\ntw"),
        assembler.lose(1, 3),
        assembler.feed(1, 1, b"est of five\nsix\n"),
    ]
    chunks = list(Chunker(ID, 1, 0, 1).chunks(piece for piece in pieces if piece))
    assert [(chunk.seq, chunk.lost, chunk.text) for chunk in chunks] == [(1, 0, "one"), (5, 3, "est of five\nsix")]


def shown(chunks: list[object]) -> list[tuple[int, str]]:
    lines = [line for chunk in chunks for line in chunk.lines()]  # type: ignore[attr-defined]
    assert all(isinstance(line, LogLine) for line in lines)
    return [(line.seq, line.text) for line in lines]


@given(st.lists(st.lists(st.sampled_from(["", "a", "é" * 100, "x" * 5000]), min_size=1, max_size=40), max_size=12))
def test_chunks_number_every_line_once_and_stay_small(texts: list[list[str]]) -> None:
    pieces = [Lines(1 + number % 2, number, len(text), "\n".join(text)) for number, text in enumerate(texts)]
    chunks = list(Chunker(ID, 2, 0, 11).chunks(pieces))
    assert all(len(chunk.text.encode()) <= CHUNK_BYTES for chunk in chunks)
    flat = [line for text in texts for line in text]
    assert shown(list(chunks)) == list(enumerate(flat, start=11))
    split = [half for chunk in chunks for half in halves(chunk) or (chunk,)]
    assert shown(list(split)) == list(enumerate(flat, start=11))


def test_a_loss_at_the_very_end_is_a_chunk_without_lines() -> None:
    [chunk] = Chunker(ID, 1, 0, 5).chunks([Lost(7)])
    assert (chunk.seq, chunk.lost, chunk.count, list(chunk.lines())) == (12, 7, 0, [])


def test_segments_keep_stream_and_time() -> None:
    [chunk] = Chunker(ID, 1, 0, 1).chunks([Lines(1, 1_500_000_000, 2, "a\nb"), Lines(2, 2_000_000_000, 1, "c")])
    assert [(line.stream, line.time.timestamp()) for line in chunk.lines()] == [
        (Stream.STDOUT, 1.5),
        (Stream.STDOUT, 1.5),
        (Stream.STDERR, 2.0),
    ]
