"""What happens to jobs, followed once for all readers of this process: one consumer, however many browsers look.

Whoever joins gets all that comes after the position it joined at, without gap or repetition, also when the connection
to NATS was away meanwhile. A stream that was made anew is told from its beginning.
"""

import asyncio
from contextlib import suppress
from typing import Any

from services.gateway.happening import Happening
from services.gateway.inbox import NODES, QUEUE, Inbox
from shared.bus.bus import AWAY, Bus
from shared.bus.follow import Follower, StreamReplaced
from shared.contracts import subjects

MOVED_EVERY_S = 1.0
"""How often readers are told that the queue has moved."""

_OF_JOBS = subjects.JOB_EVENTS.removesuffix(">")
_HEARD = (subjects.job_event("*", "*", "*"), subjects.NODE_EVENTS)


class Live:
    """Follows the events of jobs, and of nodes, which move the queue as well."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus
        self._follower = self._following(new_only=True)
        self._position = 0
        self._inboxes: set[Inbox] = set()
        self._moved = asyncio.Event()
        self._listened = asyncio.Event()

    async def open(self) -> None:
        """Subscribe: what happens from now on is not missed."""
        await self._follower.open()
        self._position = self._follower.position

    async def run(self) -> None:
        """Hand out what happens, for good."""
        while True:
            try:
                async for messages in self._follower.lists():
                    for message in messages:
                        self._hand_out(message.subject, message.data, message.metadata.sequence.stream)
            except StreamReplaced:
                self._follower = self._following(new_only=False)
                self._position = 0

    async def tell_of_queue(self) -> None:
        """Say when the queue may have moved, at most once a second and never why, for good."""
        while True:
            await self._moved.wait()
            self._moved.clear()
            for inbox in self._inboxes:
                inbox.tick(QUEUE)
            await asyncio.sleep(MOVED_EVERY_S)

    def tell_of_nodes(self) -> None:
        """Say that one of them has fallen silent or come back."""
        for inbox in self._inboxes:
            inbox.tick(NODES)

    async def listened(self) -> None:
        """Returns as soon as somebody listens."""
        await self._listened.wait()

    @property
    def has_readers(self) -> bool:
        """Whether anybody listens."""
        return bool(self._inboxes)

    async def close(self) -> None:
        with suppress(*AWAY):
            await self._follower.close()

    def join(self, inbox: Inbox) -> None:
        """Whatever comes from now on is put into this inbox."""
        self._inboxes.add(inbox)
        self._listened.set()

    def join_after(self, inbox: Inbox, created: Any) -> int | None:
        """The same for one who has read the stream that was `created` then: the position after which the inbox gets
        what comes. None, and nothing, while that is another stream than the one that is followed here.
        """
        if created != self._follower.created:
            return None
        self.join(inbox)
        return self._position

    def leave(self, inbox: Inbox) -> None:
        """Put nothing more into it, and forget what waits there."""
        self._inboxes.discard(inbox)
        inbox.clear()
        if not self._inboxes:
            self._listened.clear()

    def _hand_out(self, subject: str, payload: bytes, position: int) -> None:
        self._position = position
        self._moved.set()
        if self._inboxes and subject.startswith(_OF_JOBS):
            happening = Happening(subject, payload, position)
            for inbox in self._inboxes:
                inbox.put(happening)

    def _following(self, *, new_only: bool) -> Follower:
        return Follower(self._bus, subjects.EVENTS, _HEARD, None, new_only=new_only)
