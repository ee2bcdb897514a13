"""Shipping over deaths: whenever the executor dies, and whatever is written meanwhile, the stream has every line."""

import asyncio
import threading
from pathlib import Path, PosixPath
from typing import IO, Any, cast

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
from shared.ending import ended
from tests.support.executor import ID
from tests.support.waiting import until

RUN = RunLog(f"{ID}.1", ID, 1, lines_before=100)
GROWS = b"\x1b" * 8_000 + b"\n"
"""A line that takes six times its size in JSON."""


class Stream(Bus):
    """Keeps one message per id, as the server does within its window; out of reach after so many."""

    def __init__(self) -> None:
        self.stored: dict[str, LogChunk] = {}
        self.reachable = 0
        self.stuck = asyncio.Event()

    async def publish_raw(
        self, subject: str, payload: bytes, message_id: str, headers: dict[str, str] | None = None
    ) -> int:
        if self.reachable == 0:
            self.stuck.set()
            await asyncio.Event().wait()
        self.reachable -= 1
        assert len(payload) <= 1 << 20
        chunk = LogChunk.model_validate_json(payload)
        assert bool(chunk.unfinished) == bool(headers), "the stream forgets what is no line"
        self.stored.setdefault(message_id, chunk)
        return len(self.stored)

    def lines(self) -> dict[int, str]:
        """By number; a line that came twice has to be the same."""
        found: dict[int, str] = {}
        for chunk in self.stored.values():
            for line in chunk.lines():
                assert found.setdefault(line.seq, line.text) == line.text
        return found

    def told(self) -> list[tuple[int, dict[str, str]]]:
        """What was told of unfinished lines, each with the number of the line to come."""
        return [
            (chunk.seq, {one.stream.value: one.text for one in chunk.unfinished})
            for chunk in self.stored.values()
            if chunk.unfinished
        ]

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
        stream.stuck.clear()
        shipper = Shipper(stream, lambda run_id: path)
        shipper.follow(RUN)
        shipper.wrote(RUN.run_id)
        shipping = asyncio.all_tasks() - {asyncio.current_task()}
        stuck = asyncio.ensure_future(stream.stuck.wait())
        await asyncio.wait({*shipping, stuck}, return_when=asyncio.FIRST_COMPLETED)
        await ended(stuck)
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


class Run:
    """A run that writes, and the shipper that follows it."""

    def __init__(self, path: Path, stream: Stream | None = None) -> None:
        self._path = path
        self.stream = stream or Stream()
        self.stream.reachable = 1_000_000
        self.shipper = Shipper(self.stream, lambda run_id: path)
        self.shipper.follow(RUN)

    def writes(self, data: bytes, kind: int = STDOUT) -> None:
        with self._path.open("ab") as file:
            file.write(frame(kind, 17, data))
        self.shipper.wrote(RUN.run_id)


async def test_a_progress_bar_is_told_as_it_looks_and_becomes_one_line(tmp_path: Path) -> None:
    run = Run(tmp_path / "a.output")
    run.writes(b"\r 10%|#    |")
    await until(lambda: len(run.stream.told()) == 1, "the bar is told")
    run.writes(b"\r 20%|##   |")
    run.writes(b"\r 30%|###  |")
    await until(lambda: run.stream.told()[-1] == (101, {"stdout": " 30%|###  |"}), "its newest look is told")
    assert run.stream.lines() == {}
    run.writes(b"\r100%|#####|\nafter")
    assert await run.shipper.finish(RUN, 17) == 2
    assert run.stream.lines() == {101: "100%|#####|", 102: "after"}


async def test_an_unfinished_line_is_told_after_the_lines_before_it(tmp_path: Path) -> None:
    run = Run(tmp_path / "a.output")
    run.writes(b"one\nhalf")
    await until(lambda: bool(run.stream.told()), "it is told")
    assert run.stream.lines() == {101: "one"}
    assert run.stream.told() == [(102, {"stdout": "half"})]
    await run.shipper.close()


async def test_the_next_executor_tells_what_stands_there(tmp_path: Path) -> None:
    first = Run(tmp_path / "a.output")
    first.writes(b"one\nout")
    first.writes(b"error", STDERR)
    await until(lambda: len(first.stream.told()) == 2, "both are told")
    await first.shipper.close()
    second = Run(tmp_path / "a.output")
    polling = asyncio.ensure_future(second.shipper.poll())
    both = {text for _, texts in first.stream.told() for text in texts.items()}
    await until(lambda: {text for _, texts in second.stream.told() for text in texts.items()} == both, "told again")
    await ended(polling)
    await second.shipper.close()


class Output(PosixPath):
    """A run's output that tells which threads have opened it, and how often."""

    opened_in: list[threading.Thread] = []  # noqa: RUF012  (a path of Python 3.11 has no place for more)

    def open(self, *args: Any, **kwargs: Any) -> IO[Any]:  # type: ignore[override]
        if self.suffix == ".output":  # not where it is written down how far it is
            self.opened_in.append(threading.current_thread())
        return cast(IO[Any], super().open(*args, **kwargs))


async def test_output_is_read_beside_the_loop_and_by_nobody_once_shipping_has_stopped(tmp_path: Path) -> None:
    Output.opened_in.clear()
    run = Run(Output(tmp_path / "a.output"))
    run.writes(b"one\nhalf")
    await until(lambda: bool(run.stream.told()), "it is told")
    run.writes(b"two\n" * 100_000)
    await asyncio.sleep(0)
    await run.shipper.close()
    readers = set(Output.opened_in) - {threading.current_thread()}
    assert len(readers) == 1
    assert not any(reader.is_alive() for reader in readers)


async def test_what_was_not_announced_is_found_and_what_is_quiet_is_not_read_again(tmp_path: Path) -> None:
    Output.opened_in.clear()
    quiet, silent = Output(tmp_path / "quiet.output"), tmp_path / "silent.output"
    stream = Stream()
    stream.reachable = 1_000_000
    shipper = Shipper(stream, lambda run_id: quiet if run_id == RUN.run_id else silent)
    shipper.follow(RUN)
    quiet.write_bytes(frame(STDOUT, 17, b"one\n"))
    polling = asyncio.ensure_future(shipper.poll())
    await until(lambda: stream.lines() == {101: "one"}, "its line is there")
    position = tmp_path / "quiet.shipped"
    await until(position.exists, "it is written down how far it is")
    Output.opened_in.clear()
    shipper.follow(RunLog(f"{ID}.2", ID, 2, lines_before=200))
    silent.write_bytes(frame(STDOUT, 17, b"two\n"))
    await until(lambda: 201 in stream.lines(), "the other one's line is there")
    assert Output.opened_in == []
    await ended(polling)
    await shipper.close()
    assert await ship_on(stream, quiet, silent) == []


async def ship_on(stream: Stream, *paths: Path) -> list[threading.Thread]:
    """By the next executor: of the first nothing was written since, of the second something. Who reads the first."""
    shipper = Shipper(stream, lambda run_id: paths[run_id != RUN.run_id])
    shipper.follow(RUN)
    shipper.follow(RunLog(f"{ID}.2", ID, 2, lines_before=200))
    polling = asyncio.ensure_future(shipper.poll())
    with paths[1].open("ab") as file:
        file.write(frame(STDOUT, 17, b"three\n"))
    await until(lambda: 202 in stream.lines(), "the line is there")
    await ended(polling)
    await shipper.close()
    return Output.opened_in
