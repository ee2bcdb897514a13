"""Lines as a terminal would show them, held against a slow reading of the same bytes, however they were cut up."""

from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from services.executor.domain.chunks import Chunker, halves
from services.executor.domain.lines import CARRY_BYTES, LineAssembler, Lines, Lost
from shared.contracts.logs import CHUNK_BYTES, CUT, LINE_BYTES, LogLine, Stream

ID = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


def reference(data: bytes) -> list[str]:
    """One character after the other onto a line of cells."""
    lines = data.split(b"\n")
    rest = lines.pop()
    if rest:
        lines.append(rest)
    return [_shown(line) for line in lines]


def _shown(line: bytes) -> str:
    cells: list[str] = []
    cursor = 0
    for character in line.decode("utf-8", "replace"):
        if character == "\r":
            cursor = 0
            continue
        cells[cursor : cursor + 1] = [character]
        cursor += 1
    encoded = "".join(cells).encode()
    if len(encoded) <= LINE_BYTES:
        return encoded.decode()
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
        [b"a", b"bc", b"\r", b"\n", b"\r\n", "é€🙂".encode(), b"\xff", b"\xe2\x82", b"\x1b[0m", b"x" * 9000]
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


def test_a_hundred_megabytes_without_a_line_feed_keep_the_memory_flat() -> None:
    assembler = LineAssembler()
    for _ in range(1600):
        assert assembler.feed(1, 0, b"x" * 65_536) is None
        assert len(assembler.carry[1]) <= CARRY_BYTES + 65_536
    [line] = assembler.flush(0)
    assert line.text == "x" * LINE_BYTES + CUT


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
