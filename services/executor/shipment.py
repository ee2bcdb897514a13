"""One run's output on its way: its lines to LOGS, in order, none left out.

The file is the truth, so nothing is lost when the executor dies: the position lies beside the file, is written now
and then, and a restart ships again from there. Repeated chunks have the same lines under the same numbers.

What a line shows that has not ended goes along for whoever looks, once all before it was shipped (`telling.py`).

Reading and rendering take long when there is much: they are done in a thread, one after the other, and the shipment
waits for them, so nobody else touches its reader.
"""

import asyncio
import base64
import json
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import structlog

from services.executor.domain.chunks import Chunker, halves
from services.executor.domain.documents import parsed
from services.executor.domain.lines import Lines, Lost
from services.executor.domain.telling import Telling
from services.executor.output import OutputReader
from services.executor.pace import PACE_S, Pace
from shared.bus.bus import Bus
from shared.contracts import subjects
from shared.contracts.logs import LogChunk

log = structlog.get_logger()

T = TypeVar("T")

SAVE_S = 2.0
PAYLOAD_BYTES = 900_000
"""A server takes a message of 1 MiB; control characters take six times their size in JSON."""
POSITION = ".shipped"
UNFINISHED_TTL = {"Nats-TTL": "5m"}
"""The stream forgets them; the log service keeps what it knows."""


@dataclass(frozen=True)
class RunLog:
    """Whose output it is. `lines_before` is the number of lines of earlier attempts."""

    run_id: str
    job_id: str
    attempt: int
    lines_before: int
    rank: int = 0


class Shipment:
    """Follows one run's output. `thread`: where it is read."""

    def __init__(self, run: RunLog, path: Path, bus: Bus, thread: Executor, pace: Pace) -> None:
        self._bus = bus
        self._thread = thread
        self._pace = pace
        self._telling = Telling()
        self._wake: asyncio.TimerHandle | None = None
        self._position = path.with_suffix(POSITION)
        self._reader = OutputReader(path)
        self._first_seq = run.lines_before + 1
        self._chunker = Chunker(run.job_id, run.attempt, run.rank, self._first_seq)
        self._run = run
        self._saved = 0
        self._saved_at = 0.0
        self._again = False
        self._task: asyncio.Task[None] | None = None
        self._restored = False

    def is_behind(self) -> bool:
        """There is something to ship, to save, or to tell. To be called in the thread where the output is read."""
        try:
            self._restore()
        except OSError:
            return True  # to read it says why it cannot be read
        untold = self._task is None and any(self._reader.assembler.carry.values())
        return untold or self._reader.offset != self._saved or self._reader.is_behind()

    def look(self) -> None:
        """There may be more to ship: begin, or go on after what is under way."""
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._ship_while_there_is())

    async def finish(self, ended_ns: int) -> int:
        """Ship the rest, with unfinished lines as lines; how many the run wrote."""
        self._sleep(None)
        if self._task is not None:
            await self._task
        self._sleep(None)
        await self._ship()
        await self._publish(await self._in_thread(lambda: list(self._reader.assembler.flush(ended_ns))))
        if self._reader.offset:
            self._save()
        self._pace.note(self._run.run_id, False)
        return self._chunker.seq - self._first_seq

    async def close(self) -> None:
        """Stop where it is; the next start goes on from the position that was saved last."""
        self._sleep(None)
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ship_while_there_is(self) -> None:
        loop = asyncio.get_running_loop()
        while self._again:
            self._again = False
            await self._ship()
            await self._tell()
            if self._reader.offset != self._saved and loop.time() - self._saved_at > SAVE_S:
                self._save()
                self._saved_at = loop.time()

    async def _ship(self) -> None:
        while True:
            pieces, more = await self._in_thread(self._read)
            await self._publish(pieces)
            if not more:
                return

    def _read(self) -> tuple[list[Lines | Lost], bool]:
        """What comes next, and whether that was anything."""
        self._restore()
        before = self._reader.offset
        pieces = self._reader.read()
        return pieces, self._reader.offset != before

    async def _publish(self, pieces: list[Lines | Lost]) -> None:
        for chunk in self._chunker.chunks(pieces):
            for part, payload in _payloads(chunk):
                name = f"{self._run.run_id}:{part.rank}:{part.seq}:{part.count}"  # the same name, the same lines
                await self._bus.publish_raw(subjects.log(part.job_id), payload, name)
        ended = {piece.stream for piece in pieces if isinstance(piece, Lines)}
        if ended:
            self._telling.ended(ended, asyncio.get_running_loop().time() + PACE_S)
            self._pace.note(self._run.run_id, self._telling.shows)

    async def _tell(self) -> None:
        """Tell what unfinished lines show, and come back for those that it is too early for."""
        loop, reader = asyncio.get_running_loop(), self._reader
        news = partial(self._telling.news, reader.assembler.carry, loop.time(), self._pace.seconds)
        texts, later = await self._in_thread(news)
        if texts:
            chunk = self._chunker.unfinished(texts, time.time_ns())
            streams = "".join(map(str, sorted(texts)))
            name = f"{self._run.run_id}:{chunk.rank}:{reader.offset}:unfinished:{streams}"
            await self._bus.publish_raw(
                subjects.log(chunk.job_id), chunk.model_dump_json().encode(), name, UNFINISHED_TTL
            )
            self._telling.told(texts, loop.time() + self._pace.seconds)
            self._pace.note(self._run.run_id, self._telling.shows)
        self._sleep(later)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _sleep(self, until: float | None) -> None:
        """Look again then."""
        if self._wake is not None:
            self._wake.cancel()
        self._wake = None if until is None else asyncio.get_running_loop().call_at(until, self.look)

    def _save(self) -> None:
        """Write down how far it is. A full disk only makes a restart ship more again."""
        carry = {str(kind): base64.b64encode(rest).decode() for kind, rest in self._reader.assembler.carry.items()}
        state = {"offset": self._reader.offset, "seq": self._chunker.seq, "carry": carry}
        temporary = self._position.with_suffix(".new")
        try:
            temporary.write_text(json.dumps(state))
            os.replace(temporary, self._position)
            self._saved = self._reader.offset
        except OSError as error:
            log.warning("position_not_saved", run_id=self._run.run_id, error=str(error))

    def _restore(self) -> None:
        """Go on where an earlier process was, once. Raises OSError."""
        if self._restored:
            return
        try:
            state = parsed(self._position.read_bytes())
            offset, seq = int(state["offset"]), int(state["seq"])
            carry = {int(kind): base64.b64decode(rest) for kind, rest in state["carry"].items()}
        except FileNotFoundError:
            pass
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            log.warning("position_unreadable", run_id=self._run.run_id, error=repr(error))
        else:
            self._reader.offset = self._saved = offset
            self._chunker.seq = seq
            self._reader.assembler.carry = carry
        self._restored = True


def _payloads(chunk: LogChunk) -> Iterator[tuple[LogChunk, bytes]]:
    payload = chunk.model_dump_json().encode()
    parts = halves(chunk) if len(payload) > PAYLOAD_BYTES else None
    if parts is None:
        yield chunk, payload
        return
    for part in parts:
        yield from _payloads(part)
