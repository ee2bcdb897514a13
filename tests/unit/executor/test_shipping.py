"""Shipping over deaths: whenever the executor dies, and whatever is written meanwhile, the stream has every line."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.executor.backends.frames import LOSS, LOST, STDERR, STDOUT, frame
from services.executor.domain.lines import Lines
from services.executor.output import OutputReader
from services.executor.shipment import RunLog
from services.executor.shipping import Shipper
from shared.bus.bus import Bus
from shared.contracts.logs import LogChunk
from tests.support.executor import ID

RUN = RunLog(f"{ID}.1", ID, 1, lines_before=100)
GROWS = b"\x1b" * 8_000 + b"\n"
"""A line that takes six times its size in JSON."""


class Stream(Bus):
    """Keeps one message per id, as the server does within its window; out of reach after so many."""

    def __init__(self) -> None:
        self.stored: dict[str, LogChunk] = {}
        self.reachable = 0

    async def publish_raw(
        self, subject: str, payload: bytes, message_id: str, headers: dict[str, str] | None = None
    ) -> int:
        if self.reachable == 0:
            await asyncio.Event().wait()
        self.reachable -= 1
        assert len(payload) <= 1 << 20
        self.stored.setdefault(message_id, LogChunk.model_validate_json(payload))
        return len(self.stored)

    def lines(self) -> dict[int, str]:
        """By number; a line that came twice has to be the same."""
        found: dict[int, str] = {}
        for chunk in self.stored.values():
            for line in chunk.lines():
                assert found.setdefault(line.seq, line.text) == line.text
        return found

    def lost(self) -> set[int]:
        return {seq for chunk in self.stored.values() for seq in range(chunk.seq - chunk.lost, chunk.seq)}


def written(path: Path) -> tuple[dict[int, str], int]:
    """The file's lines by number and the last number, read at once."""
    found: dict[int, str] = {}
    reader, seq = OutputReader(path), RUN.lines_before + 1
    pieces = [*reader.read(1 << 30), *reader.assembler.flush(0)]
    for piece in pieces:
        if isinstance(piece, Lines):
            found.update(enumerate(piece.text.split("\n"), start=seq))
        seq += piece.count
    return found, seq - 1


PIECES = [b"a\n", b"half", b"\r\n", b"b\nc\nd", b"x" * 20_000, b"y\n" * 200, GROWS * 4, GROWS * 7]
STREAMS = st.sampled_from([STDOUT, STDERR])
FRAMES = st.lists(
    st.one_of(
        st.builds(lambda stream, data: frame(stream, 17, data), STREAMS, st.sampled_from(PIECES)),
        st.builds(lambda stream, lines: frame(stream | LOST, 17, LOSS.pack(lines, 9)), STREAMS, st.integers(0, 5)),
    ),
    max_size=12,
)
LIVES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6)), max_size=4)
"""Of each executor: how many frames there are when it dies, and how many messages it has got through."""


def write(path: Path, frames: list[bytes]) -> int:
    """The number of lines that the run has written in all."""
    path.write_bytes(b"".join(frames))
    return written(path)[1] - RUN.lines_before


async def ship(path: Path, frames: list[bytes], lives: list[tuple[int, int]]) -> Stream:
    """Every life ships what there is as far as it gets; the last one to the end."""
    stream = Stream()
    for there, messages in sorted(lives):
        write(path, frames[:there])
        stream.reachable = messages
        shipper = Shipper(stream, lambda run_id: path)
        shipper.follow(RUN)
        shipper.wrote(RUN.run_id)
        await asyncio.sleep(0)
        await shipper.close()
    count = write(path, frames)
    stream.reachable = 1_000_000
    assert await Shipper(stream, lambda run_id: path).finish(RUN, 17) == count
    return stream


@settings(max_examples=200)
@given(frames=FRAMES, lives=LIVES)
@example(frames=[frame(STDOUT, 17, GROWS * 4)] * 6, lives=[(5, 1)])
def test_the_stream_has_every_line_once_whenever_the_executor_dies(
    tmp_path_factory: pytest.TempPathFactory, frames: list[bytes], lives: list[tuple[int, int]]
) -> None:
    path = tmp_path_factory.mktemp("run") / "a.output"
    stream = asyncio.run(ship(path, frames, lives))
    lines, last = written(path)
    assert stream.lines() == lines
    assert stream.lines().keys() | stream.lost() == set(range(RUN.lines_before + 1, last + 1))
