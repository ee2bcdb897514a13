"""Whatever comes for a reader of a console, and however seldom the reader looks: no line is told twice, none unsaid."""

from hypothesis import given, settings
from hypothesis import strategies as st

from services.gateway.domain.console import Seen
from services.gateway.domain.pending import MOST_CHARS, MOST_LINES, Pending
from services.gateway.resources.jobs import LogTail
from shared.contracts.logs import LINES_KEPT, LogChunk, LogGap
from tests.support.logs import chunk_of, lines_of, texts_of, unfinished_at


@st.composite
def arrivals(draw: st.DrawFn) -> list[LogChunk]:
    """Ranks by turns, each in order, with chunks that come twice or overlap and lines that are lost."""
    upcoming = dict.fromkeys(range(draw(st.integers(1, 3))), 1)
    chunks = []
    for _ in range(draw(st.integers(1, 16))):
        rank = draw(st.sampled_from(sorted(upcoming)))
        lost = draw(st.sampled_from((0, 0, 0, 1, 700)))
        back = 0 if lost else draw(st.sampled_from((0, 0, 0, 5)))
        count = draw(st.sampled_from((1, 3, 120, 999, LINES_KEPT, 2600)))
        seq = max(upcoming[rank] - back, 1) + lost
        chunks.append(chunk_of(seq, count, rank=rank, lost=lost, streams=draw(st.integers(1, 4))))
        upcoming[rank] = max(upcoming[rank], seq + count)
    return chunks


@settings(max_examples=30, deadline=None)
@given(arrivals(), st.data())
def test_lines_shown_and_skipped_and_gaps_are_the_lines_that_were_written(
    chunks: list[LogChunk], data: st.DataObject
) -> None:
    seen, pending = Seen(), Pending()
    tails: list[LogTail] = []
    new = []
    written: dict[int, int] = {}
    for position, chunk in enumerate(chunks, 1):
        new += list(chunk.lines())[max(written.get(chunk.rank, 0) - chunk.seq + 1, 0) :]
        written[chunk.rank] = max(written.get(chunk.rank, 0), chunk.seq + chunk.count - 1)
        pending.add(seen.add(chunk), position)
        assert pending.position == position
        if data.draw(st.integers(0, 3)) == 0:
            tails.append(LogTail.model_validate_json(pending.take()))
            assert not pending
    tails.append(LogTail.model_validate_json(pending.take()))

    shown = [line for tail in tails for line in tail.lines]
    lost = sum(gap.lost for tail in tails for gap in tail.gaps)
    assert len(shown) + lost + sum(tail.skipped for tail in tails) == sum(written.values())
    places = {(line.rank, line.seq): place for place, line in enumerate(new)}
    order = [places[line.rank, line.seq] for line in shown]
    assert order == sorted(set(order))
    assert [new[place] for place in order] == shown


@settings(max_examples=30, deadline=None)
@given(arrivals())
def test_of_too_many_lines_the_newest_are_told(chunks: list[LogChunk]) -> None:
    seen, pending = Seen(), Pending()
    for position, chunk in enumerate(chunks, 1):
        pending.add(seen.add(chunk), position)
    again, came = Seen(), []
    for chunk in chunks:
        news = again.add(chunk)
        came += lines_of(chunk)[news.skipped :]
    told = LogTail.model_validate_json(pending.take())
    assert list(told.lines) == came[-MOST_LINES:]
    assert (told.skipped > 0) >= (len(came) > MOST_LINES)


def test_long_lines_are_held_up_to_a_bound_and_the_rest_is_counted() -> None:
    seen, pending, long = Seen(), Pending(), "x" * 16_000
    for seq in range(1, 1001):
        one = chunk_of(seq, 1).model_copy(update={"text": long})
        pending.add(seen.add(one), seq)
    told = LogTail.model_validate_json(pending.take())
    assert [line.seq for line in told.lines] == list(range(told.skipped + 1, 1001))
    assert MOST_CHARS <= sum(len(line.text) for line in told.lines) < MOST_CHARS + len(long)


def test_what_was_lost_before_lines_that_are_left_out_is_counted_with_them() -> None:
    seen, pending = Seen(), Pending()
    for position, chunk in enumerate((chunk_of(1, 10), chunk_of(21, 10), chunk_of(41, MOST_LINES)), 1):
        pending.add(seen.add(chunk), position)
    told = LogTail.model_validate_json(pending.take())
    assert told.gaps == (LogGap(after_seq=30, lost=10),)
    assert told.skipped == 10 + 10 + 10


def test_a_chunk_that_came_before_moves_the_place_to_go_on_from_and_tells_nothing() -> None:
    seen, pending = Seen(), Pending()
    pending.add(seen.add(chunk_of(1, 3)), 1)
    pending.take()
    pending.add(seen.add(chunk_of(1, 3)), 2)
    assert not pending
    assert pending.position == 2


def test_of_unfinished_lines_the_last_look_is_told_and_only_when_it_changed() -> None:
    seen, pending = Seen(), Pending()
    for position, one in enumerate((unfinished_at(1, "10%"), unfinished_at(1, "20%")), 1):
        pending.add(seen.add(one), position)
    assert pending
    told = LogTail.model_validate_json(pending.take())
    assert (told.lines, texts_of(told.unfinished), pending.position) == ((), ["20%"], 2)
    assert not pending
    pending.add(seen.add(chunk_of(1, 2, streams=1)), 4)
    assert LogTail.model_validate_json(pending.take()).unfinished == ()
    pending.add(seen.add(chunk_of(3, 1)), 5)
    assert LogTail.model_validate_json(pending.take()).unfinished is None


def test_an_unfinished_line_whose_end_is_left_out_is_over_all_the_same() -> None:
    seen, pending = Seen(), Pending()
    for position, one in enumerate((unfinished_at(1, "10%"), chunk_of(1, 1), chunk_of(2, MOST_LINES)), 1):
        pending.add(seen.add(one), position)
    told = LogTail.model_validate_json(pending.take())
    assert (told.skipped, told.unfinished) == (1, ())
