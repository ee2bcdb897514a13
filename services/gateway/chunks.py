"""The chunks of a job's console as they come, in order, until the job is over and its last one was there."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from nats.aio.msg import Msg
from nats.js.errors import NotFoundError

from services.gateway.channels import Arrival, Channels, arrival
from services.gateway.follow import followed
from shared.bus.bus import Bus
from shared.bus.follow import StreamReplaced
from shared.contracts import subjects
from shared.contracts.commands.jobs import GET, GetJob
from shared.contracts.job import TERMINAL

RECHECK_S = 5.0
"""How often to ask whether a job is over, if no event says so."""

MISSED = 16
"""Chunks that a reader who comes back may have missed; who has missed more begins anew, with the last lines."""

UNDER_WAY = 1
"""To one reader at one time: there may be hundreds of readers, and a chunk may take 256 KiB."""


class FarBehind(Exception):
    """A reader has missed so much that the last lines are quicker. Nothing was read yet."""


class Chunks:
    """Follows consoles. Raises StreamReplaced when the stream is made anew."""

    def __init__(self, bus: Bus, timeout_s: float) -> None:
        self._bus = bus
        self._timeout_s = timeout_s
        self._channels = Channels(bus)

    async def apart(self, job_id: str, position: int, changed: asyncio.Event) -> AsyncGenerator[Arrival, None]:
        """Those after `position`, no faster than they are taken; the job's last one is there before its end is told."""
        last = await self._last_chunk(job_id)
        if last is not None and position >= last:
            return
        async with followed(self._bus, subjects.LOGS, (subjects.log(job_id),), position + 1, UNDER_WAY) as stream:
            while last is None or position < last:
                messages = await stream.next(changed, RECHECK_S)
                for message in messages:
                    position = message.metadata.sequence.stream
                    yield arrival(message)
                if changed.is_set() or not messages:
                    changed.clear()
                    last = await self._last_chunk(job_id) if last is None else last

    async def shared(self, job_id: str, position: int, changed: asyncio.Event) -> AsyncGenerator[Arrival, None]:
        """The same, read once for all who take them as they come. Raises FarBehind."""
        last = await self._last_chunk(job_id)
        if last is not None and position >= last:
            return
        newest = await self._newest_chunk(job_id)
        if position > newest:
            await self._check(position)
        async with self._channels.joined(job_id, newest) as reader:
            if position < reader.since:
                for arrived in await self._missed(job_id, position):
                    position = arrived.position
                    yield arrived
            while last is None or position < last:
                came = await reader.next(changed, RECHECK_S)
                for arrived in came:
                    if arrived.position > position:
                        position = arrived.position
                        yield arrived
                if changed.is_set() or not came:
                    changed.clear()
                    last = await self._last_chunk(job_id) if last is None else last

    async def _missed(self, job_id: str, position: int) -> list[Arrival]:
        """What came after `position` and before now. Raises FarBehind."""
        newest, never = await self._newest_chunk(job_id), asyncio.Event()
        missed: list[Arrival] = []
        if position >= newest:
            return missed
        async with followed(self._bus, subjects.LOGS, (subjects.log(job_id),), position + 1, UNDER_WAY) as stream:
            while position < newest:
                for message in await stream.next(never, RECHECK_S):
                    position = message.metadata.sequence.stream
                    missed.append(arrival(message))
                if len(missed) > MISSED:
                    raise FarBehind
        return missed

    async def _check(self, position: int) -> None:
        """A reader may name any position, and one that the stream does not have is of an earlier stream."""
        info = await self._bus.js.stream_info(subjects.LOGS)
        if position > info.state.last_seq:
            raise StreamReplaced(f"the stream {subjects.LOGS} ends before {position}")

    @asynccontextmanager
    async def changes(self, job_id: str) -> AsyncGenerator[asyncio.Event, None]:
        """Set when something happens to the job: a hint to look, which may be missed without harm."""
        changed = asyncio.Event()

        async def on_event(_: Msg) -> None:
            changed.set()

        subscription = await self._bus.nats.subscribe(subjects.job_event("*", "*", job_id), cb=on_event)
        try:
            yield changed
        finally:
            if not self._bus.nats.is_closed:
                await subscription.unsubscribe()

    async def _last_chunk(self, job_id: str) -> int | None:
        """The stream position of the job's last chunk (0: it has none) once it is over, else None."""
        job = await self._bus.ask(GET, GetJob(id=job_id), self._timeout_s)
        return await self._newest_chunk(job_id) if job.status in TERMINAL else None

    async def _newest_chunk(self, job_id: str) -> int:
        """The stream position of the job's newest chunk; 0: it has none."""
        try:
            message = await self._bus.js.get_last_msg(subjects.LOGS, subjects.log(job_id), direct=True)
        except NotFoundError:
            return 0
        return message.seq or 0
