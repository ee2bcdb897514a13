"""A reader of a consumer that is stopped stops, whatever arrives at that very moment."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.js import JetStreamContext

from shared.bus.pull import Puller

Arrive = Callable[[Msg], Awaitable[None]]


class NoServer(Client):
    """A client whose messages come from the test."""

    arrive: Arrive

    async def subscribe(self, subject: str, *_: Any, **options: Any) -> Subscription:
        self.arrive = options["cb"]
        return Subscription(self, subject=subject)

    async def publish(self, *_: Any, **__: Any) -> None:
        """Nobody is there to pull from."""


@pytest.mark.parametrize("turns", range(6))
async def test_a_heartbeat_at_the_moment_of_a_cancellation_does_not_swallow_it(turns: int) -> None:
    nats = NoServer()
    puller = Puller(nats, JetStreamContext(nats), "EVENTS", "test", 64)
    await puller.open()
    reading = asyncio.create_task(puller.next())
    for _ in range(6):
        await asyncio.sleep(0)
    await nats.arrive(Msg(nats, headers={"Status": "100"}))
    for _ in range(turns):
        await asyncio.sleep(0)
    reading.cancel()
    await asyncio.wait({reading}, timeout=3)
    ended = reading.cancelled()
    reading.cancel()
    assert ended
