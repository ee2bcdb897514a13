"""The ring against a plain list of lines: random chunks, duplicates, overlaps, losses, ranks by turns, restarts."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from services.logs.domain.chunk import Arrival
from services.logs.domain.page import page_of
from services.logs.domain.record import copy_of, decode, encode
from services.logs.domain.ring import Ring
from shared.contracts.commands.logs import LogPage, TailLog
from shared.contracts.logs import LINES_KEPT, LogChunk, LogGap, LogLine
from tests.support.logs import JOB, arrived, chunk_of

Run = tuple[int, int]


@dataclass
class Model:
    """What a ring should know, line by line."""

    lines: list[tuple[int, LogLine]] = field(default_factory=list)
    """With the stream sequence that brought it."""
    gaps: list[tuple[int, LogGap]] = field(default_factory=list)
    """With the index of the line that follows."""
    highest: dict[Run, int] = field(default_factory=dict)

    def add(self, sequence: int, chunk: LogChunk) -> None:
        run = (chunk.attempt, chunk.rank)
        earlier = max((last for (attempt, _), last in self.highest.items() if attempt < chunk.attempt), default=0)
        last = self.highest.get(run, earlier)
        fresh = [line for line in chunk.lines() if run not in self.highest or line.seq > last]
        lost = max(chunk.seq - last - 1, 0 if run in self.highest else chunk.lost)
        if lost > 0:
            gap = LogGap(after_seq=min(last, chunk.seq - 1), lost=lost, rank=chunk.rank)
            self.gaps.append((len(self.lines), gap))
        self.lines += [(sequence, line) for line in fresh]
        self.highest[run] = max(self.highest.get(run, 0), chunk.seq + chunk.count - 1)

    def tail(self, tail: int, after: int) -> tuple[list[LogLine], list[LogGap]]:
        first = max(len(self.lines) - min(tail, LINES_KEPT), 0)
        while first < len(self.lines) and self.lines[first][0] <= after:
            first += 1
        gaps = [gap for index, gap in self.gaps if index >= first]
        return [line for _, line in self.lines[first:]], gaps


@st.composite
def deliveries(draw: st.DrawFn) -> list[LogChunk]:
    """What a stream may hold: runs by turns, each mostly in order, with repeated, overlapping and missing parts."""
    runs = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(0, 2)), min_size=1, max_size=4, unique=True))
    next_seq = {run: draw(st.integers(0, 3)) * 40 + 1 for run in runs}
    chunks = []
    for _ in range(draw(st.integers(1, 24))):
        run = draw(st.sampled_from(runs))
        if draw(st.integers(0, 9)) == 0:
            for _ in range(draw(st.integers(50, 150))):
                chunks.append(chunk_of(next_seq[run], 1, attempt=run[0], rank=run[1]))
                next_seq[run] += 1
        back = draw(st.sampled_from((0, 0, 0, 0, 0, 1, 7, 300)))
        skip = draw(st.sampled_from((0, 0, 0, 0, 0, 1, 12)))
        count = draw(st.sampled_from((1, 1, 2, 17, 120, 777, 2100)))
        lost = draw(st.sampled_from((0, skip)))
        seq = max(next_seq[run] - back, 1) + skip
        chunks.append(chunk_of(seq, count, attempt=run[0], rank=run[1], lost=lost, streams=draw(st.integers(1, 5))))
        next_seq[run] = max(next_seq[run], seq + count)
    return chunks


def restarted(ring: Ring, era: str = "now") -> Ring:
    return decode(b"".join(encode(copy_of(ring), "now")), era)


def one_page(ring: Ring, ask: TailLog) -> LogPage:
    page = page_of(ring, ask, ring.position, limit=1 << 30)
    assert not page.more
    return page


@settings(max_examples=50, deadline=None)
@given(deliveries(), st.data())
def test_the_ring_shows_what_a_list_of_all_lines_would(chunks: list[LogChunk], data: st.DataObject) -> None:
    ring, model, sequence = Ring(JOB), Model(), 0
    history: list[tuple[int, Arrival]] = []
    for chunk in chunks:
        sequence += data.draw(st.integers(1, 3))
        history.append((sequence, arrived(chunk)))
        ring.add(*history[-1])
        model.add(sequence, chunk)
        what = data.draw(st.sampled_from(("go on", "go on", "go on", "restart", "replay")))
        if what == "restart":
            ring = restarted(ring)
        if what == "replay":
            for old in history[data.draw(st.integers(0, len(history) - 1)) :]:
                assert not ring.add(*old)
    tail = data.draw(st.integers(1, LINES_KEPT))
    after = data.draw(st.sampled_from((0, 0, sequence // 2, sequence)))
    page = one_page(ring, TailLog(job_id=JOB, tail=tail, after=after))
    lines, gaps = model.tail(tail, after)
    assert list(page.lines) == lines
    assert [gap for gap in page.gaps if gap in gaps] == list(page.gaps)
    if len(lines) < tail and after == 0:
        assert list(page.gaps) == gaps


@settings(max_examples=60, deadline=None)
@given(deliveries())
def test_the_ring_holds_no_more_than_it_must(chunks: list[LogChunk]) -> None:
    ring = Ring(JOB)
    for sequence, chunk in enumerate(chunks, 1):
        ring.add(sequence, arrived(chunk))
        assert ring.lines == sum(kept.count for kept in ring.kept)
        assert ring.bytes == sum(kept.bytes for kept in ring.kept)
        assert len(ring.kept) <= 1 or ring.lines - ring.kept[0].count < LINES_KEPT


@settings(max_examples=60, deadline=None)
@given(deliveries())
def test_a_stream_that_was_made_anew_brings_no_line_twice(chunks: list[LogChunk]) -> None:
    ring = Ring(JOB)
    for sequence, chunk in enumerate(chunks, 100):
        ring.add(sequence, arrived(chunk))
    before = one_page(ring, TailLog(job_id=JOB)).lines
    ring = restarted(ring, era="another")
    assert ring.position == 0
    for sequence, chunk in enumerate(chunks, 1):
        assert not ring.add(sequence, arrived(chunk)) or not chunk.count
    assert one_page(ring, TailLog(job_id=JOB)).lines == before
    assert not one_page(ring, TailLog(job_id=JOB, after=1)).lines


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from((1, 2, 40, 500)), st.sampled_from((0, 0, 3)), st.integers(0, 2)),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from((2_000, 9_000, 60_000)),
    st.integers(1, LINES_KEPT),
    st.none() | st.integers(0, 2),
)
def test_pages_fit_and_together_are_the_tail_of_one_rank_or_of_all(
    pieces: list[tuple[int, int, int]], limit: int, tail: int, rank: int | None
) -> None:
    ring, seqs = Ring(JOB), [1, 1, 1]
    for sequence, (count, jump, of) in enumerate(pieces, 1):
        ring.add(sequence, arrived(chunk_of(seqs[of] + jump, count, rank=of, streams=3)))
        seqs[of] += jump + count
    whole = one_page(ring, TailLog(job_id=JOB, tail=tail, rank=rank))
    everything = one_page(ring, TailLog(job_id=JOB)).lines
    wanted = [line for line in everything if rank in (None, line.rank)]
    assert list(whole.lines) == wanted[-tail:]
    lines: list[LogLine] = []
    gaps: list[LogGap] = []
    before: dict[str, int] = {}
    while True:
        ask = TailLog(job_id=JOB, tail=tail - len(lines), rank=rank, **before)
        page = page_of(ring, ask, ring.position, limit)
        assert len(page.model_dump_json().encode()) <= limit
        lines[:0] = page.lines
        gaps[:0] = page.gaps
        if not page.more:
            break
        assert page.lines
        before = {"before_seq": page.lines[0].seq, "before_rank": page.lines[0].rank}
    assert lines == list(whole.lines)
    assert gaps == list(whole.gaps)
