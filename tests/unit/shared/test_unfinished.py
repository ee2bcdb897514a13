"""Which lines have not ended: the newest that was said counts, and nothing that comes late or twice brings one back."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from shared.contracts.logs import UNFINISHED_CHARS, LogChunk, LogSegment, LogUnfinished, Stream
from shared.contracts.unfinished import LINE, MOST, UnfinishedLines

NOW = datetime(2026, 11, 28, tzinfo=UTC)
OUT, ERR = Stream.STDOUT, Stream.STDERR


def chunk(seq: int, *ended: Stream, attempt: int = 1, rank: int = 0, **unfinished: str) -> LogChunk:
    """A line of each of these streams, then what stands in `stdout` and `stderr`."""
    return LogChunk(
        job_id="01JD0000000000000000000000",
        attempt=attempt,
        rank=rank,
        seq=seq,
        segments=tuple(LogSegment(stream=stream, time=NOW, count=1) for stream in ended),
        text="\n".join("x" for _ in ended),
        unfinished=tuple(LogUnfinished(stream=Stream(name), time=NOW, text=text) for name, text in unfinished.items()),
    )


def after(*chunks: LogChunk) -> list[tuple[int, str, str]]:
    lines = UnfinishedLines()
    for one in chunks:
        add(lines, one)
    return [(line.rank, line.stream.value, line.text) for line in lines]


def add(lines: UnfinishedLines, one: LogChunk) -> bool:
    return lines.add(one.attempt, one.rank, one.seq + one.count, one.ends, one.unfinished)


def test_the_newest_look_of_each_rank_and_stream_stands_there_the_last_change_at_the_end() -> None:
    bars = (chunk(1, stdout="10%"), chunk(1, rank=1, stderr="a"), chunk(1, stdout="20%"))
    assert after(*bars) == [(1, "stderr", "a"), (0, "stdout", "20%")]


def test_a_line_of_its_stream_ends_it_and_one_of_another_does_not() -> None:
    assert after(chunk(1, stderr="10%"), chunk(1, OUT, OUT)) == [(0, "stderr", "10%")]
    assert after(chunk(1, stderr="10%"), chunk(1, OUT, ERR)) == []
    assert after(chunk(1, stderr="10%"), chunk(1, ERR, stderr="next")) == [(0, "stderr", "next")]


def test_of_too_many_those_stand_there_that_changed_last() -> None:
    ranks = range(1024)
    lines = [rank for rank, _, _ in after(*(chunk(1, rank=rank, stdout=f"{rank}%") for rank in ranks))]
    assert lines == list(ranks[-len(lines) :])
    assert MOST // (LINE + 5) <= len(lines) <= MOST // LINE
    long = after(*(chunk(1, rank=rank, stdout="x" * UNFINISHED_CHARS) for rank in ranks))
    assert [rank for rank, _, _ in long] == list(ranks[-(MOST // (LINE + UNFINISHED_CHARS)) :])


def test_an_empty_text_is_no_line() -> None:
    assert after(chunk(1, stdout="10%"), chunk(1, stdout="")) == []


def test_what_is_older_brings_nothing_back() -> None:
    assert after(chunk(1, OUT), chunk(1, stdout="old")) == []
    assert after(chunk(3, stdout="new"), chunk(2, stdout="old")) == [(0, "stdout", "new")]
    assert after(chunk(3, stdout="new"), chunk(1, OUT), chunk(2, OUT)) == [(0, "stdout", "new")]


def test_a_new_attempt_ends_what_the_one_before_has_left() -> None:
    assert after(chunk(5, stdout="lost"), chunk(5, OUT, attempt=2)) == []
    assert after(chunk(5, attempt=2, stdout="new"), chunk(9, stdout="old")) == [(0, "stdout", "new")]


def test_only_a_change_is_one() -> None:
    lines = UnfinishedLines()
    assert not add(lines, chunk(1, OUT))
    assert add(lines, chunk(2, stdout="10%"))
    assert not add(lines, chunk(2, ERR))
    assert add(lines, chunk(3, OUT))
    assert not add(lines, chunk(4, stdout=""))


def test_who_begins_with_what_stands_there_goes_on_from_it() -> None:
    first = UnfinishedLines()
    add(first, chunk(4, stdout="10%"))
    second = UnfinishedLines(first)
    assert not add(second, chunk(3, stdout="old"))
    assert [line.text for line in second] == ["10%"]
    assert add(second, chunk(4, OUT))
    assert not second


def test_a_longer_text_is_refused() -> None:
    with pytest.raises(ValidationError):
        LogUnfinished(stream=OUT, time=NOW, text="x" * (UNFINISHED_CHARS + 1))
