"""The feed of job events for one reader: first what the stream holds after the event that it saw last, then what
happens, from the one follower that all readers share.

The two are joined by their positions in the stream. The reader's own consumer reads on until it has all that came
before the position at which the reader joined the others, and leaves out what came after: no gap, and nothing twice.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from services.gateway.domain.access import Caller
from services.gateway.follow import Reading, followed
from services.gateway.happening import Happening
from services.gateway.inbox import Inbox
from services.gateway.live import Live
from services.gateway.sse import ServerEvent
from shared.bus.bus import Bus
from shared.bus.follow import StreamReplaced
from shared.contracts import subjects

EVENTS = 16
"""Of the past, under way to one reader at one time."""

LOOK_S = 1.0
"""How long to wait for an event of the past before looking again whether there are any."""


class Feed:
    """Follows the events of jobs."""

    def __init__(self, bus: Bus, live: Live) -> None:
        self._bus = bus
        self._live = live

    async def follow(
        self, caller: Caller, after: int | None, job_id: str | None = None
    ) -> AsyncGenerator[ServerEvent, None]:
        """Events from now on, or after stream position `after` (0: all that the stream holds); of one job, or all."""
        inbox = Inbox(caller, job_id)
        try:
            if after is None:
                self._live.join(inbox)
            else:
                async with aclosing(self._past(inbox, after + 1)) as past:
                    async for event in past:
                        yield event
            while True:
                yield await inbox.next()
        finally:
            self._live.leave(inbox)

    async def _past(self, inbox: Inbox, start: int) -> AsyncGenerator[ServerEvent, None]:
        """What the stream holds from `start` on, until all that comes after it is put into the inbox."""
        filters = subjects_for(inbox.caller, inbox.job_id)
        if not filters:
            self._live.join(inbox)
            return
        while True:
            try:
                async with (
                    followed(self._bus, subjects.EVENTS, filters, start, EVENTS) as stream,
                    aclosing(self._until_joined(stream, inbox)) as happenings,
                ):
                    async for happening in happenings:
                        event = happening.seen_by(inbox.caller)
                        if event is not None:
                            yield event
                return
            except StreamReplaced:
                self._live.leave(inbox)
                start = 1

    async def _until_joined(self, stream: Reading, inbox: Inbox) -> AsyncGenerator[Happening, None]:
        never = asyncio.Event()
        joined: int | None = None
        at_end = True
        while True:
            if at_end and not await stream.behind():
                if joined is not None:
                    return
                joined = self._live.join_after(inbox, stream.created)
                if joined is not None:
                    continue  # to have all of the stream that came until then
            messages = await stream.next(never, LOOK_S)
            for message in messages:
                metadata = message.metadata
                if joined is not None and metadata.sequence.stream > joined:
                    return
                yield Happening(message.subject, message.data, metadata.sequence.stream)
            at_end = not messages or messages[-1].metadata.num_pending == 0


def subjects_for(caller: Caller, job_id: str | None) -> tuple[str, ...]:
    """What to follow: the events of the caller's virtual clusters, or all of them for an administrator."""
    if caller.admin:
        return (subjects.job_event("*", "*", job_id or "*"),)
    return tuple(subjects.job_event("*", vc, job_id or "*") for vc in caller.vcs)
