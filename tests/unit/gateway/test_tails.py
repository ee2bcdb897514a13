"""The last lines of a console: all of them in order, however long they are, and held a page at a time."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from services.gateway.audited import BY_ITSELF
from services.gateway.resources.jobs import LogTail
from services.gateway.tails import Tails
from services.logs.domain.page import page_of
from services.logs.domain.ring import Ring
from shared.contracts.commands.logs import TAIL_LOG, LogPage, TailLog
from shared.contracts.logs import LINES_KEPT, LogChunk, LogGap, LogLine, LogSegment, Stream
from tests.support.gateway import Gateway, add_job, gateway
from tests.support.logs import START, arrived, chunk_of, lines_of
from tests.support.waiting import until
from tests.support.wire import rest_of, wire

LONG = "x" * 16_000
IN_CHUNK = 10


class Logs:
    """The logs service with one job's ring, and what it was asked."""

    def __init__(self, yard: Gateway) -> None:
        self.job_id = add_job(yard).id
        self.ring = Ring(self.job_id)
        self.asked: list[TailLog] = []
        yard.bus.answers[TAIL_LOG.subject] = self._answer

    @property
    def path(self) -> str:
        return f"/api/v1/jobs/{self.job_id}/logs"

    def add(self, chunk: LogChunk) -> list[LogLine]:
        self.ring.add(self.ring.position + 1, arrived(chunk))
        return lines_of(chunk)

    def add_long(self, count: int, text: str = LONG) -> list[LogLine]:
        """So many lines of 16 KB, or of another length."""
        first, last = self.ring.lines + 1, self.ring.lines + count
        return [line for seq in range(first, last + 1, IN_CHUNK) for line in self.add_long_at(seq, text)]

    def add_long_at(self, seq: int, line: str = LONG[:1600], rank: int = 0) -> list[LogLine]:
        """A chunk of such lines."""
        segments = (LogSegment(stream=Stream.STDOUT, time=START, count=IN_CHUNK),)
        text = "\n".join([line] * IN_CHUNK)
        return self.add(LogChunk(job_id=self.job_id, attempt=1, rank=rank, seq=seq, segments=segments, text=text))

    def _answer(self, ask: TailLog) -> LogPage:
        self.asked.append(ask)
        return page_of(self.ring, ask, self.ring.position)


@pytest.mark.parametrize("tail", [1, 7, 99, 100, 299, 300, 301, LINES_KEPT])
async def test_lines_of_many_pages_are_the_last_ones_in_order_each_once(yard: Gateway, tail: int) -> None:
    logs = Logs(yard)
    lines = logs.add_long(200)
    for seq in range(201, 301, 20):
        lines += logs.add(chunk_of(seq, 20, job_id=logs.job_id, streams=2))
    answer = await yard.call("GET", f"/jobs/{logs.job_id}/logs", params={"tail": tail})
    assert answer.headers["content-type"] == "application/json"
    shown = LogTail.model_validate_json(answer.content)
    assert shown == LogTail(lines=tuple(lines[-tail:]), gaps=(), unfinished=())
    bare = await yard.call("GET", f"/jobs/{logs.job_id}/logs", params={"tail": tail}, headers={"Accept": "text/plain"})
    assert bare.headers["content-type"] == "text/plain; charset=utf-8"
    assert bare.text == "".join(f"{line.text}\n" for line in lines[-tail:])


async def test_a_console_without_lines_is_an_empty_one(yard: Gateway) -> None:
    logs = Logs(yard)
    answer = await yard.call("GET", f"/jobs/{logs.job_id}/logs")
    assert answer.json() == {"lines": [], "gaps": [], "skipped": 0, "unfinished": []}


async def test_what_is_missing_between_pages_is_a_gap_of_them_all(yard: Gateway) -> None:
    logs = Logs(yard)
    lines = logs.add_long(100)
    lines += logs.add(chunk_of(121, 20, job_id=logs.job_id))
    answer = await yard.call("GET", f"/jobs/{logs.job_id}/logs")
    assert LogTail.model_validate_json(answer.content) == LogTail(
        lines=tuple(lines), gaps=(LogGap(after_seq=100, lost=20),), unfinished=()
    )


async def test_lines_that_newer_ones_displace_before_they_are_read_are_a_gap(yard: Gateway) -> None:
    logs = Logs(yard)
    logs.add_long(LINES_KEPT, LONG[:1600])
    pages = Tails(yard.bus, 5).pages(logs.job_id, LINES_KEPT)
    first = await anext(pages)
    logs.add_long(1000, LONG[:1600])
    rest = [page async for page in pages]
    lines = [line for page in (first, *rest) for line in page.lines]
    lost = sum(gap.lost for page in rest for gap in page.gaps)
    assert 0 < lost == LINES_KEPT - len(lines)
    assert [page.position is None for page in (first, *rest)] == [True] * len(rest) + [False]
    assert lines[-1].seq == LINES_KEPT, "newer ones are not of this tail"


async def test_lines_of_several_ranks_that_newer_ones_displace_are_a_gap_of_each(yard: Gateway) -> None:
    logs = Logs(yard)
    for seq in range(1, LINES_KEPT // 2, IN_CHUNK):
        logs.add_long_at(seq, rank=0)
        logs.add_long_at(seq, rank=1)
    tails = Tails(yard.bus, 5)
    whole = [line async for page in tails.pages(logs.job_id, LINES_KEPT) for line in page.lines]
    pages = tails.pages(logs.job_id, LINES_KEPT)
    first = await anext(pages)
    for seq in range(LINES_KEPT // 2 + 1, LINES_KEPT // 2 + 501, IN_CHUNK):
        logs.add_long_at(seq, rank=0)
    rest = [page async for page in pages]
    lines = [line for page in (first, *rest) for line in page.lines]
    for rank in (0, 1):
        had, got = ([line.seq for line in each if line.rank == rank] for each in (whole, lines))
        gaps = [gap for page in rest for gap in page.gaps if gap.rank == rank]
        assert 0 < sum(gap.lost for gap in gaps) == len(had) - len(got)
        assert {gap.after_seq + 1 for gap in gaps} <= set(had) - set(got)


async def test_pages_are_read_as_they_are_taken(yard: Gateway) -> None:
    logs = Logs(yard)
    logs.add_long(200)
    pages = Tails(yard.bus, 5).pages(logs.job_id, LINES_KEPT)
    await anext(pages)
    there = len(logs.asked) - 1
    for taken in range(1, there):
        assert len(logs.asked) == there + taken
        await anext(pages)
    assert [page async for page in pages] == [], "the newest one is kept from the first look"


async def test_who_is_refused_a_long_tail_has_cost_one_question(tmp_path: Path) -> None:
    async with gateway(tmp_path, max_streams_per_user=1) as yard:
        logs = Logs(yard)
        logs.add_long(200)
        with yard.parts.streams.admitted("admin"):
            refused = await yard.call("GET", f"/jobs/{logs.job_id}/logs")
            assert (refused.status_code, len(logs.asked)) == (429, 1)
            short = await yard.call("GET", f"/jobs/{logs.job_id}/logs", params={"tail": 20})
            assert (short.status_code, len(logs.asked)) == (200, 2), "it is no stream"


async def test_a_reader_of_a_long_tail_who_takes_nothing_is_a_stream_and_ends_with_their_rights(tmp_path: Path) -> None:
    async with wire(tmp_path, stalled_s=3600, drain_s=0) as yard:
        await yard.inside.add_account("ada")
        logs = Logs(yard.inside)
        lines = logs.add_long(1000)
        with ExitStack() as stack:
            stuck = [stack.enter_context(yard.connected(yard.head(logs.path, "ada"))) for _ in range(2)]
            await until(lambda: yard.inside.parts.streams.running == 2, "they are under way")
            await yard.inside.accounts.update("ada", BY_ITSELF, {"disabled": True})
            yard.inside.clock.advance(2)
            await until(lambda: yard.running == 0, "they are cut")
            for each in stuck:
                received = await rest_of(each)
                assert received.startswith(b"HTTP/1.1 200")
                assert len(received) < sum(len(line.text) for line in lines)
