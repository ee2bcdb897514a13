"""The ring's rules, one by one; tests/property/test_ring.py holds it to a plain list."""

from services.logs.domain.page import page_of
from services.logs.domain.ring import JOINED, Ring
from shared.contracts.commands.logs import LogPage, TailLog
from shared.contracts.logs import LINES_KEPT, LogChunk, LogGap
from tests.support.logs import JOB, arrived, chunk_of, lines_of, ring_of, texts_of, unfinished_at


def add(ring: Ring, sequence: int, chunk: LogChunk) -> bool:
    return ring.add(sequence, arrived(chunk)) is not None


def page(ring: Ring, **ask: int) -> LogPage:
    return page_of(ring, TailLog.model_validate({"job_id": JOB, **ask}), ring.position)


def seqs(found: LogPage) -> list[int]:
    return [line.seq for line in found.lines]


def test_a_repeated_chunk_is_dropped_and_an_overlapping_one_trimmed() -> None:
    ring = ring_of(chunk_of(1, 10))
    assert not add(ring, 2, chunk_of(1, 10))
    assert not add(ring, 3, chunk_of(4, 7))
    assert add(ring, 4, chunk_of(6, 9))
    found = page(ring)
    assert found.lines == tuple(lines_of(chunk_of(1, 10)) + lines_of(chunk_of(6, 9))[5:])
    assert found.gaps == ()


def test_a_jump_is_a_gap() -> None:
    found = page(ring_of(chunk_of(1, 10), chunk_of(16, 2)))
    assert found.gaps == (LogGap(after_seq=10, lost=5),)


def test_a_first_chunk_that_does_not_begin_the_job_follows_a_gap() -> None:
    assert page(ring_of(chunk_of(501, 2))).gaps == (LogGap(after_seq=0, lost=500),)
    assert page(ring_of(chunk_of(501, 2, attempt=3))).gaps == (LogGap(after_seq=0, lost=500),)


def test_a_new_attempt_goes_on_after_the_one_before() -> None:
    assert page(ring_of(chunk_of(1, 10), chunk_of(11, 3, attempt=2))).gaps == ()
    assert page(ring_of(chunk_of(1, 10), chunk_of(14, 3, attempt=2))).gaps == (LogGap(after_seq=10, lost=3),)


def test_what_the_executor_lost_is_a_gap_also_after_the_last_line() -> None:
    ring = ring_of(chunk_of(1, 2), chunk_of(10, 1, lost=7))
    assert page(ring).gaps == (LogGap(after_seq=2, lost=7),)
    nothing_more = chunk_of(14, 1).model_copy(update={"segments": (), "text": "", "lost": 3})
    assert add(ring, 3, nothing_more)
    assert not add(ring, 4, nothing_more)
    assert page(ring).gaps == (LogGap(after_seq=2, lost=7), LogGap(after_seq=10, lost=3))
    assert seqs(page(ring)) == [1, 2, 10]


def test_what_an_attempt_lost_at_its_start_counts_whatever_its_number() -> None:
    assert page(ring_of(chunk_of(1, 9), chunk_of(6, 1, attempt=2, lost=5))).gaps == (LogGap(after_seq=5, lost=5),)


def test_a_late_chunk_of_an_older_attempt_is_kept_if_it_is_new() -> None:
    ring = ring_of(chunk_of(1, 10), chunk_of(13, 2, attempt=2))
    assert not add(ring, 3, chunk_of(5, 6))
    assert add(ring, 4, chunk_of(9, 4))
    lines = page(ring).lines
    assert [(line.attempt, line.seq) for line in lines[-4:]] == [(2, 13), (2, 14), (1, 11), (1, 12)]


def test_ranks_count_their_lines_by_themselves() -> None:
    chunks = [chunk_of(1, 2), chunk_of(1, 3, rank=1), chunk_of(3, 2), chunk_of(4, 1, rank=1)]
    found = page(ring_of(*chunks))
    assert found.lines == tuple(lines_of(*chunks))
    assert found.gaps == ()


def test_whole_chunks_go_and_the_last_lines_stay() -> None:
    ring = ring_of(*(chunk_of(1 + 900 * number, 900) for number in range(4)))
    assert [chunk.seq for chunk in ring.kept] == [901, 1801, 2701]
    assert seqs(page(ring)) == list(range(3601 - LINES_KEPT, 3601))


def test_many_small_chunks_become_few_and_keep_their_positions() -> None:
    ring = ring_of(*(chunk_of(seq, 1) for seq in range(1, 3 * JOINED + 11)))
    assert len(ring.kept) == 3 + 10
    for after in (0, 1, JOINED - 1, JOINED, JOINED + 5, 3 * JOINED + 9):
        assert seqs(page(ring, after=after)) == list(range(after + 1, 3 * JOINED + 11))
    assert seqs(page(ring, after=ring.position)) == []


def test_gaps_stand_on_the_page_of_the_line_after_them() -> None:
    ring = ring_of(chunk_of(1, 2), chunk_of(6, 4))
    assert page(ring, tail=3).gaps == ()
    assert page(ring, tail=4).gaps == (LogGap(after_seq=2, lost=3),)
    assert page(ring, tail=4, before_seq=6).gaps == ()
    assert seqs(page(ring, before_seq=8)) == [1, 2, 6, 7]


def test_a_page_keeps_to_its_limit_whatever_a_line_holds() -> None:
    ring, text = Ring(JOB), '\x00"\\' * 5_400
    for seq in range(1, 30):
        add(ring, seq, chunk_of(seq, 1).model_copy(update={"text": text}))
    found = page(ring)
    assert found.more
    assert seqs(found) == list(range(30 - len(found.lines), 30))
    assert 200 * 1024 < len(found.model_dump_json()) < 400 * 1024


def test_an_unfinished_line_is_shown_and_is_no_line() -> None:
    ring = ring_of(chunk_of(1, 2), unfinished_at(3, "10%"), unfinished_at(3, "20%"))
    found = page(ring)
    assert texts_of(found.unfinished) == ["20%"]
    assert (seqs(found), ring.lines, found.gaps, found.position) == ([1, 2], 2, (), 3)
    assert not page(ring, before_seq=2).unfinished, "an older page shows older lines"
    assert add(ring, 4, chunk_of(3, 1))
    assert (seqs(page(ring)), page(ring).unfinished) == ([1, 2, 3], ())


def test_what_the_stream_brings_again_brings_no_unfinished_line_back() -> None:
    ring = ring_of(unfinished_at(1, "10%"), chunk_of(1, 1))
    assert not add(ring, 1, unfinished_at(1, "10%"))
    assert not add(ring, 3, unfinished_at(1, "10%"))
    assert page(ring).unfinished == ()


def test_unfinished_lines_of_many_ranks_leave_room_for_lines() -> None:
    bars = [unfinished_at(1, f"{rank} " + '"' * 4000, rank=rank) for rank in range(200)]
    found = page_of(ring_of(*bars, chunk_of(1, 1500)), TailLog(job_id=JOB), 201)
    assert len(found.model_dump_json()) < 512 * 1024
    assert texts_of(found.unfinished)[-1].startswith("199 ")
    assert 5 < len(found.unfinished) < 100
    assert seqs(found) == list(range(1, 1501))
