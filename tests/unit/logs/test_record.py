"""A ring's file: read back as it was, and refused when it is something else."""

import json

import pytest

from services.logs.domain.page import page_of
from services.logs.domain.record import Unreadable, copy_of, decode, encode
from services.logs.domain.ring import Ring
from shared.contracts.commands.logs import TailLog
from tests.support.logs import JOB, chunk_of, ring_of, unfinished_at

CONSOLE = [chunk_of(seq, 1) for seq in range(1, 100)] + [chunk_of(120, 50, lost=3), chunk_of(1, 5, rank=1)]
CONSOLE += [unfinished_at(170, "50%"), unfinished_at(6, "\x1b[32m##", rank=1)]


def file_of(ring: Ring) -> bytes:
    return b"".join(encode(copy_of(ring), "era"))


def test_a_ring_is_read_back_as_it_was() -> None:
    ring = ring_of(*CONSOLE)
    again = decode(file_of(ring), "era")
    assert copy_of(again) == copy_of(ring)
    assert len(again.unfinished) == 2
    assert (again.lines, again.bytes) == (ring.lines, ring.bytes)


def test_a_file_of_an_earlier_version_has_no_unfinished_lines() -> None:
    head, _, payloads = file_of(ring_of(*CONSOLE)).partition(b"\n")
    older = json.loads(head)
    del older["unfinished"]
    assert decode(json.dumps(older).encode() + b"\n" + payloads, "era").unfinished == ()


def test_in_another_era_lines_stay_and_positions_go() -> None:
    ring = ring_of(*CONSOLE)
    again = decode(file_of(ring), "another")
    assert again.position == 0
    ask = TailLog(job_id=JOB)
    assert page_of(again, ask, 0).lines == page_of(ring, ask, 0).lines
    assert again.last == ring.last


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"{}\n",
        b"[]\n",
        b'{"format": 99}\n',
        file_of(ring_of(*CONSOLE))[:-1],
        file_of(ring_of(*CONSOLE)) + b"x",
        file_of(ring_of(*CONSOLE)).replace(b'"position"', b'"positron"', 1),
    ],
)
def test_what_is_no_ring_is_refused(data: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(data, "era")
