"""The feed of a gateway on a real stream, without HTTP: events that a test publishes, and readers that keep them."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from services.gateway.domain.access import Caller
from services.gateway.feed import Feed
from services.gateway.live import Live
from services.gateway.sse import ServerEvent
from shared.bus.bus import Bus
from shared.contracts import subjects
from shared.ending import ended
from shared.ids import new_id
from shared.patience import until_it_works


@dataclass
class Reader:
    """Takes what a feed gives, and goes on until it is closed. `tags`: the texts of the events, without ticks."""

    follow: AsyncGenerator[ServerEvent, None]
    events: list[ServerEvent] = field(default_factory=list)
    ticks: int = 0
    _task: asyncio.Task[None] | None = None

    def start(self) -> Self:
        self._task = asyncio.create_task(self._read())
        return self

    async def take(self) -> ServerEvent:
        """The next one that is no tick."""
        while True:
            event = await anext(self.follow)
            if event.name == "queue":
                assert event.encoded == b"event: queue\ndata: {}\n\n"
                self.ticks += 1
                continue
            self.events.append(event)
            return event

    async def _read(self) -> None:
        while True:
            await self.take()

    async def close(self) -> None:
        if self._task is not None:
            await ended(self._task)
        await self.follow.aclose()

    @property
    def tags(self) -> list[str]:
        return [event.name or json.loads(event.data)["tag"] for event in self.events]

    @property
    def ids(self) -> list[int]:
        return [event.id for event in self.events if event.id is not None]


@dataclass
class Feeds:
    """A feed at work, and what was published."""

    bus: Bus
    live: Live
    feed: Feed
    readers: list[Reader] = field(default_factory=list)

    async def tell(self, tag: str, vc: str = "default", job_id: str | None = None, **more: Any) -> int:
        """Publish an event of a job; where the stream has it."""
        id = job_id or new_id()
        data = {"job": {"id": id, "owner": "ada", "vc": vc}, **more}
        event = {"id": tag, "type": "io.jobyard.job.started.v1", "subject": id, "tag": tag, "data": data}
        subject = subjects.job_event("started", vc, id)
        return await self.bus.publish_raw(subject, json.dumps(event).encode(), new_id())

    def reader(self, caller: Caller, after: int | None = None, job_id: str | None = None) -> Reader:
        """One who has not begun to read."""
        reader = Reader(self.feed.follow(caller, after, job_id))
        self.readers.append(reader)
        return reader


@asynccontextmanager
async def feeds(bus: Bus) -> AsyncGenerator[Feeds, None]:
    """As the gateway runs it."""
    live = Live(bus)
    await live.open()
    loops = [asyncio.create_task(until_it_works(loop, "loop_delayed")) for loop in (live.run, live.tell_of_queue)]
    found = Feeds(bus, live, Feed(bus, live))
    try:
        yield found
    finally:
        for reader in found.readers:
            await reader.close()
        await ended(*loops)
        await live.close()
