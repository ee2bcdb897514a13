"""Ships what runs write: follows each run's `output` file and publishes its lines to LOGS, in order, none left out.

The file is the truth, so nothing is lost when the executor dies: the position lies beside the file, is written now
and then, and a restart ships again from there. Repeated chunks have the same lines under the same numbers.
"""

import asyncio
import base64
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import structlog

from services.executor.backends.frames import LOSS, LOST, split
from services.executor.domain.chunks import Chunker, halves
from services.executor.domain.lines import LineAssembler, Lines, Lost
from shared.bus.bus import Bus
from shared.contracts import subjects
from shared.contracts.logs import LogChunk

log = structlog.get_logger()

READ_BYTES = 1 << 20
POLL_S = 1.0
"""Runs announce their output; this is for an announcement that was lost."""
SAVE_S = 2.0
PAYLOAD_BYTES = 900_000
"""A server takes a message of 1 MiB; control characters take six times their size in JSON."""
POSITION = ".shipped"


@dataclass(frozen=True)
class RunLog:
    """Whose output it is. `lines_before` is the number of lines of earlier attempts."""

    run_id: str
    job_id: str
    attempt: int
    lines_before: int
    rank: int = 0


class OutputReader:
    """Turns an `output` file into lines, piece by piece."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.offset = 0
        self.assembler = LineAssembler()

    def read(self, size: int = READ_BYTES) -> list[Lines | Lost]:
        """The lines that end in the next whole frames; `offset` goes on. Raises OSError but for a missing file."""
        try:
            with self._path.open("rb") as file:
                file.seek(self.offset)
                data = file.read(size)
        except FileNotFoundError:
            return []
        frames, taken = split(data)
        self.offset += taken
        pieces = [self._piece(*frame) for frame in frames]
        return [piece for piece in pieces if piece is not None]

    def _piece(self, kind: int, time_ns: int, data: bytes) -> Lines | Lost | None:
        if kind & LOST:
            return self.assembler.lose(kind & ~LOST, LOSS.unpack(data)[0])
        return self.assembler.feed(kind, time_ns, data)


class _Shipment:
    """One run's output on its way."""

    def __init__(self, run: RunLog, path: Path, bus: Bus) -> None:
        self._bus = bus
        self._position = path.with_suffix(POSITION)
        self._reader = OutputReader(path)
        self._first_seq = run.lines_before + 1
        self._chunker = Chunker(run.job_id, run.attempt, run.rank, self._first_seq)
        self._run = run
        self._saved = 0
        self._saved_at = 0.0
        self._again = False
        self._task: asyncio.Task[None] | None = None
        self._restore()

    def look(self) -> None:
        """There may be more to ship: begin, or go on after what is under way."""
        self._again = True
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._ship_while_there_is())

    async def finish(self, ended_ns: int) -> int:
        """Ship the rest with the unfinished lines; how many lines the run wrote."""
        if self._task is not None:
            await self._task
        await self._ship()
        await self._publish(list(self._reader.assembler.flush(ended_ns)))
        if self._reader.offset:
            self._save()
        return self._chunker.seq - self._first_seq

    async def close(self) -> None:
        """Stop where it is; the next start goes on from the position that was saved last."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _ship_while_there_is(self) -> None:
        loop = asyncio.get_running_loop()
        while self._again:
            self._again = False
            await self._ship()
            if self._reader.offset != self._saved and loop.time() - self._saved_at > SAVE_S:
                self._save()
                self._saved_at = loop.time()

    async def _ship(self) -> None:
        while True:
            before = self._reader.offset
            await self._publish(self._reader.read())
            if self._reader.offset == before:
                return

    async def _publish(self, pieces: list[Lines | Lost]) -> None:
        for chunk in self._chunker.chunks(pieces):
            for part, payload in _payloads(chunk):
                name = f"{self._run.run_id}:{part.rank}:{part.seq}:{part.count}"  # the same name, the same lines
                await self._bus.publish_raw(subjects.log(part.job_id), payload, name)

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
        try:
            state = json.loads(self._position.read_text())
            self._reader.offset = self._saved = int(state["offset"])
            self._chunker.seq = int(state["seq"])
            self._reader.assembler.carry = {int(kind): base64.b64decode(rest) for kind, rest in state["carry"].items()}
        except FileNotFoundError:
            pass
        except (ValueError, KeyError) as error:
            log.warning("position_unreadable", run_id=self._run.run_id, error=repr(error))


class Shipper:
    """Every run whose output is being shipped. `output` says where a run's file is."""

    def __init__(self, bus: Bus, output: Callable[[str], Path]) -> None:
        self._bus = bus
        self._output = output
        self._shipments: dict[str, _Shipment] = {}

    def follow(self, run: RunLog) -> None:
        """Ship the run's output from now on; once is enough."""
        if run.run_id not in self._shipments:
            self._shipments[run.run_id] = _Shipment(run, self._output(run.run_id), self._bus)

    def wrote(self, run_id: str) -> None:
        """The run has new output."""
        if shipment := self._shipments.get(run_id):
            shipment.look()

    async def finish(self, run: RunLog, ended_ns: int) -> int:
        """Ship the last of the run's output; how many lines it wrote in all. Returns when the stream has stored it."""
        shipment = self._shipments.pop(run.run_id, None) or _Shipment(run, self._output(run.run_id), self._bus)
        return await shipment.finish(ended_ns)

    async def poll(self) -> None:
        """Look at every run now and then, until cancelled: an announcement may have been lost."""
        while True:
            await asyncio.sleep(POLL_S)
            for shipment in list(self._shipments.values()):
                shipment.look()

    async def close(self) -> None:
        """Stop shipping."""
        await asyncio.gather(*(shipment.close() for shipment in self._shipments.values()))
        self._shipments.clear()


def _payloads(chunk: LogChunk) -> Iterator[tuple[LogChunk, bytes]]:
    payload = chunk.model_dump_json().encode()
    parts = halves(chunk) if len(payload) > PAYLOAD_BYTES else None
    if parts is None:
        yield chunk, payload
        return
    for part in parts:
        yield from _payloads(part)
