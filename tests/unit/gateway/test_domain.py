"""Throttle, origins, batches and consoles: the small decisions."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.domain.batches import COMMAND_BYTES, divided
from services.gateway.domain.console import PIECE_LINES, News, Seen
from services.gateway.domain.origins import foreign, host_of, trusted_host
from services.gateway.domain.throttle import KEYS_KEPT, Throttle
from services.gateway.resources.jobs import LogTail
from shared.contracts.logs import LogChunk, LogGap, LogLine, LogSegment, Stream
from tests.support.logs import texts_of, unfinished_at


def test_ten_in_a_minute_and_then_a_wait_until_the_first_is_a_minute_old() -> None:
    throttle = Throttle(10)
    for second in range(10):
        assert throttle.wait_s("ada", second) == 0
        throttle.add("ada", second)
    assert throttle.wait_s("ada", 10) == 50
    assert throttle.wait_s("bob", 10) == 0
    assert throttle.wait_s("ada", 60) == 0


def test_what_is_taken_back_does_not_count() -> None:
    throttle = Throttle(1)
    throttle.add("ada", 5.0)
    throttle.take_back("ada", 5.0)
    assert throttle.wait_s("ada", 6.0) == 0


def test_a_list_counts_as_many_times_as_it_is_long() -> None:
    throttle = Throttle(10)
    throttle.add("ada", 1.0, count=1000)
    assert throttle.wait_s("ada", 2.0) == 59
    assert throttle.wait_s("ada", 61.0) == 0


def test_a_list_waits_until_there_is_room_for_all_of_it() -> None:
    throttle = Throttle(10)
    for second in range(5):
        throttle.add("ada", second)
    assert throttle.wait_s("ada", 5, count=5) == 0
    assert throttle.wait_s("ada", 5, count=6) == 55
    assert throttle.wait_s("ada", 5, count=10) == 59
    assert throttle.wait_s("ada", 64, count=10) == 0


def test_invented_names_do_not_fill_the_memory() -> None:
    throttle = Throttle(1)
    for number in range(KEYS_KEPT + 10):
        throttle.add(str(number), 1.0)
    assert len(throttle._events) == KEYS_KEPT
    assert throttle.wait_s("0", 1.0) == 0
    assert throttle.wait_s(str(KEYS_KEPT), 1.0) == 60


@pytest.mark.parametrize(
    ("header", "host"),
    [("Yard.example:8080", "yard.example"), ("localhost", "localhost"), ("[::1]:8080", "[::1]"), (" a ", "a")],
)
def test_the_host_of_a_header(header: str, host: str) -> None:
    assert host_of(header) == host


def test_hosts_are_listed_ones_or_any() -> None:
    assert trusted_host("localhost:1", {"localhost"})
    assert not trusted_host("evil.example", {"localhost"})
    assert not trusted_host("localhost.evil.example", {"localhost"})
    assert not trusted_host(None, {"localhost"})
    assert trusted_host("evil.example", {"*"})


def test_foreign_origins() -> None:
    assert not foreign(None, "http", "localhost:8080", ())
    assert not foreign("http://localhost:8080", "http", "localhost:8080", ())
    assert foreign("http://localhost:9999", "http", "localhost:8080", ())
    assert foreign("https://localhost:8080", "http", "localhost:8080", ())
    assert foreign("null", "http", "localhost:8080", ())
    assert not foreign("https://console.example", "http", "localhost:8080", ("https://console.example",))


@given(st.lists(st.integers(1, COMMAND_BYTES * 2), max_size=40), st.integers(1, 10))
def test_pieces_hold_everything_in_order_and_fit(sizes: list[int], at_most: int) -> None:
    pieces = divided(sizes, at_most)
    assert [size for piece in pieces for size in sizes[piece]] == sizes
    for piece in pieces:
        chosen = sizes[piece]
        assert 1 <= len(chosen) <= at_most
        assert len(chosen) == 1 or sum(chosen) <= COMMAND_BYTES


def chunk(seq: int, *texts: str, attempt: int = 1, lost: int = 0) -> LogChunk:
    segment = LogSegment(stream=Stream.STDOUT, time=datetime(2026, 1, 1, tzinfo=UTC), count=len(texts))
    return LogChunk(job_id="0" * 26, attempt=attempt, seq=seq, segments=(segment,), text="\n".join(texts), lost=lost)


def shown(news: News) -> tuple[list[LogLine], list[LogGap]]:
    """All pieces together, read as their reader would."""
    tails = [LogTail.model_validate_json(piece) for piece in news.pieces()]
    return [line for tail in tails for line in tail.lines], [gap for tail in tails for gap in tail.gaps]


def test_a_reader_gets_each_line_once_and_each_gap_counted() -> None:
    seen = Seen()
    first, gaps = shown(seen.add(chunk(1, "a", "b")))
    assert [line.text for line in first] == ["a", "b"]
    assert gaps == []
    assert seen.add(chunk(1, "a", "b")).count == 0
    overlapping, gaps = shown(seen.add(chunk(2, "b", "c")))
    assert [line.seq for line in overlapping] == [3]
    assert gaps == []
    after, gaps = shown(seen.add(chunk(10, "x")))
    assert [line.seq for line in after] == [10]
    assert gaps == [LogGap(after_seq=3, lost=6)]


def test_a_loss_that_the_executor_declares_is_a_gap_too() -> None:
    assert shown(Seen().add(chunk(5, "x", lost=4)))[1] == [LogGap(after_seq=4, lost=4)]


def test_what_the_tail_showed_is_not_shown_again() -> None:
    seen = Seen()
    for line in chunk(1, "a", "b").lines():
        seen.note(line)
    lines, gaps = shown(seen.add(chunk(1, "a", "b", "c")))
    assert [line.text for line in lines] == ["c"]
    assert gaps == []


@given(
    texts=st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"])), min_size=1, max_size=9)
)
def test_a_line_looks_as_its_model_would_write_it(texts: list[str]) -> None:
    whole = chunk(7, *texts)
    assert shown(Seen().add(whole))[0] == list(whole.lines())


def test_a_large_chunk_comes_in_pieces_and_its_gap_in_the_first() -> None:
    pieces = [LogTail.model_validate_json(piece) for piece in Seen().add(chunk(1, *["x"] * 2500, lost=3)).pieces()]
    assert [len(piece.lines) for piece in pieces] == [PIECE_LINES, PIECE_LINES, 500]
    assert [len(piece.gaps) for piece in pieces] == [1, 0, 0]


def test_unfinished_lines_are_told_when_they_change_with_the_last_piece() -> None:
    seen = Seen()
    assert texts_of(seen.add(unfinished_at(1, "10%")).unfinished) == ["10%"]
    whole = seen.add(chunk(1, *["x"] * 2500))
    tails = [LogTail.model_validate_json(piece) for piece in whole.pieces()]
    assert [tail.unfinished for tail in tails] == [None, None, ()]
    [bar] = [LogTail.model_validate_json(piece) for piece in seen.add(unfinished_at(2501, "20%")).pieces()]
    assert (bar.lines, texts_of(bar.unfinished)) == ((), ["20%"])
    assert seen.add(unfinished_at(2501, "20%", rank=1)).unfinished is not None
    assert seen.add(chunk(1, "x")).count == 0, "a chunk that comes again tells nothing"
