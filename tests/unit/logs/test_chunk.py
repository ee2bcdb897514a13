"""Reading chunks: what is taken, and what is told apart as unreadable."""

import json
from typing import Any

import pytest

from services.logs.chunks import arrival
from services.logs.domain.chunk import Arrival, cut
from shared.bus.codec import Undecodable
from shared.contracts.logs import Stream
from shared.contracts.subjects import log
from tests.support.logs import JOB, chunk_of


def changed(**fields: Any) -> bytes:
    return json.dumps({**json.loads(chunk_of(7, 3).model_dump_json()), **fields}).encode()


def test_a_chunk_is_kept_as_it_came() -> None:
    payload = changed(lost=4, unknown="a later version's field")
    found = arrival(log(JOB), payload)
    assert found == Arrival(
        job_id=JOB,
        attempt=1,
        rank=0,
        seq=7,
        count=3,
        lost=4,
        payload=payload,
        ends={Stream.STDOUT: 9},
        unfinished=(),
    )


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{",
        b"\xff\xfe",
        changed(text="one line only"),
        changed(text="a\nb\nc\nd"),
        changed(segments=[]),
        changed(seq=0),
        changed(seq="7"),
        changed(lost=-1),
        changed(job_id="01JD0000000000000000000001"),
        changed(segments=[{"stream": "stdout", "time": "yesterday", "count": 3}]),
    ],
)
def test_what_is_no_chunk_of_this_job_is_its_error(payload: bytes) -> None:
    assert isinstance(arrival(log(JOB), payload), Undecodable)


def test_a_chunk_may_say_only_that_lines_were_lost() -> None:
    found = arrival(log(JOB), changed(segments=[], text="", lost=9))
    assert isinstance(found, Arrival)
    assert (found.count, found.lost) == (0, 9)


@pytest.mark.parametrize(
    ("skip", "count", "expected"),
    [(0, 6, [1, 2, 3]), (1, 5, [2, 3]), (2, 2, [1, 1]), (3, 3, [3]), (5, 1, [1]), (0, 0, []), (6, 0, [])],
)
def test_segments_are_cut_to_the_lines_they_still_describe(skip: int, count: int, expected: list[int]) -> None:
    segments = [{"stream": "stdout", "time": "t", "count": lines} for lines in (1, 2, 3)]
    assert [segment["count"] for segment in cut(segments, skip, count)] == expected
