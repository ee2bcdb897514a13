"""Chunks: every line has one number and is somewhere, none is larger than a message may be but for a single line."""

from hypothesis import example, given
from hypothesis import strategies as st

from services.executor.domain.chunks import Chunker, halves
from services.executor.domain.lines import Lines, Lost
from shared.contracts.logs import CHUNK_BYTES, LogChunk
from tests.support.executor import ID

TEXTS = st.sampled_from(["", "a", "grüße", "🙂" * 4000, "x" * 30_000, "x" * (CHUNK_BYTES + 1)])
PIECES = st.lists(
    st.one_of(
        st.builds(Lost, st.integers(1, 5)),
        st.builds(
            lambda stream, texts: Lines(stream, 1_500_000_000, len(texts), "\n".join(texts)),
            st.sampled_from([1, 2]),
            st.lists(TEXTS, min_size=1, max_size=40),
        ),
    ),
    max_size=8,
)


def numbered(pieces: list[Lines | Lost], seq: int) -> list[tuple[int, int, str]]:
    """Every line with its number and stream, as a slow reader would count."""
    found = []
    for piece in pieces:
        if isinstance(piece, Lost):
            seq += piece.count
            continue
        for text in piece.text.split("\n"):
            found.append((seq, piece.stream, text))
            seq += 1
    return found


def shown(chunks: list[LogChunk]) -> list[tuple[int, int, str]]:
    streams = {"stdout": 1, "stderr": 2}
    return [(line.seq, streams[line.stream], line.text) for chunk in chunks for line in chunk.lines()]


@given(PIECES, st.integers(1, 1000))
@example([Lines(1, 0, 3, "\n\n")], 1)
@example([Lost(2), Lost(3), Lines(1, 0, 1, "a"), Lost(1)], 1)
def test_every_line_has_its_number_and_every_loss_its_place(pieces: list[Lines | Lost], first: int) -> None:
    chunker = Chunker(ID, 2, 0, first)
    chunks = list(chunker.chunks(pieces))
    assert shown(chunks) == numbered(pieces, first)
    lost = sum(piece.count for piece in pieces if isinstance(piece, Lost))
    assert sum(chunk.lost for chunk in chunks) == lost
    end = first
    for chunk in chunks:
        assert chunk.seq == end + chunk.lost
        end = chunk.seq + chunk.count
    assert chunker.seq == end


@given(PIECES)
def test_no_chunk_is_too_large_but_for_a_single_line(pieces: list[Lines | Lost]) -> None:
    for chunk in Chunker(ID, 1, 0, 1).chunks(pieces):
        assert len(chunk.text.encode()) <= CHUNK_BYTES or chunk.count == 1


@given(PIECES)
def test_chunks_are_valid_as_they_are_read_again(pieces: list[Lines | Lost]) -> None:
    chunks = list(Chunker(ID, 1, 0, 1).chunks(pieces))
    assert [LogChunk.model_validate_json(chunk.model_dump_json()) for chunk in chunks] == chunks


@given(PIECES)
def test_halves_have_the_same_lines_under_the_same_numbers(pieces: list[Lines | Lost]) -> None:
    for chunk in Chunker(ID, 1, 0, 1).chunks(pieces):
        pair = halves(chunk)
        if chunk.count < 2:
            assert pair is None
            continue
        assert pair is not None
        first, second = pair
        assert shown([first, second]) == shown([chunk])
        assert abs(first.count - second.count) <= 1
        assert (first.lost, second.lost) == (chunk.lost, 0)


def test_pieces_of_one_moment_share_a_chunk() -> None:
    pieces = [Lines(1, 0, 1, "a"), Lines(2, 0, 2, "b\nc")]
    [chunk] = Chunker(ID, 1, 0, 1).chunks(pieces)
    assert [(segment.stream.value, segment.count) for segment in chunk.segments] == [("stdout", 1), ("stderr", 2)]


def test_numbers_go_on_from_one_call_to_the_next() -> None:
    chunker = Chunker(ID, 1, 0, 7)
    chunks = [chunk for text in ("a\nb", "c") for chunk in chunker.chunks([Lines(1, 0, text.count("\n") + 1, text)])]
    assert [(chunk.seq, chunk.text) for chunk in chunks] == [(7, "a\nb"), (9, "c")]


def test_nothing_makes_no_chunk() -> None:
    assert list(Chunker(ID, 1, 0, 1).chunks([])) == []
