"""How events reach a handler: the durable consumer that replicas share, with the one retry and dead-letter rule."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy
from nats.js.errors import NotFoundError

from shared.bus.bus import Bus
from shared.bus.deadletters import bury
from shared.bus.pull import Puller
from shared.bus.subscriptions import Decode, Delivery, Shared, filtered
from shared.contracts.errors import PermanentError, TemporaryError

log = structlog.get_logger()

LIST = 64
"""The most messages that one call of a handler gets."""

BACKOFF_S = (0.1, 0.5, 1, 2, 5, 10, 20, 30, 30)
"""The wait before each repetition; when they are used up, the message is dead."""

ACK_WAIT_S = 30.0

HANDLED, REPEATED, DEAD = "handled", "repeated", "dead"

Handle = Callable[[Sequence[Delivery[Any]]], Awaitable[None]]


class ListConsumer:
    """Runs one `Shared` or `PerNode` subscription."""

    def __init__(self, bus: Bus, subscription: Shared, durable: str, handle: Handle, alone: bool = False) -> None:
        """`alone`: no other process reads this durable, so what an earlier one left unacknowledged comes at once."""
        self._bus = bus
        self._stream = subscription.stream
        self._subjects = subscription.subjects
        self._decode = subscription.decode
        self.durable = durable
        self.outcomes: Counter[str] = Counter({HANDLED: 0, REPEATED: 0, DEAD: 0})
        """What became of the messages: handled, left for a later try, given up."""
        self._handle = handle
        self._alone = alone
        self._handling = asyncio.Lock()
        self._puller: Puller | None = None
        self._next: list[Msg] = []
        """A list that was read and is not begun: it waits for the one before, or for the end of a drain."""

    async def run(self) -> None:
        """Handle lists until cancelled."""
        await self._declare()
        puller = self._puller = Puller(self._bus.nats, self._bus.js, self._stream, self.durable, LIST)
        self._bus.on_reconnect(puller.reconnected)
        try:
            await puller.open()
            while True:
                self._next = await puller.next()
                async with self._handling:
                    messages, self._next = self._next, []
                    await self._take(messages)
        finally:
            self._bus.off_reconnect(puller.reconnected)

    async def drain(self) -> None:
        """Finish the list under way, take no other, and give back what was not begun."""
        await self._handling.acquire()
        if self._puller is not None:
            left = await self._puller.close()
            for message in (*self._next, *left):
                await message.nak()
            self._next = []

    async def _declare(self) -> None:
        """Create the durable, or bring it up to date.

        A new consumer begins at the stream's beginning. One that is `alone` begins again after the last message that
        was acknowledged without a hole: a killed process's messages would else come back after the ack wait only.
        """
        config = ConsumerConfig(
            name=self.durable,
            durable_name=self.durable,
            deliver_policy=DeliverPolicy.ALL,
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=ACK_WAIT_S,
            max_deliver=-1,
            max_ack_pending=LIST,
            **filtered(self._subjects),
        )
        try:
            there = await self._bus.js.consumer_info(self._stream, self.durable)
        except NotFoundError:
            await self._bus.js.add_consumer(self._stream, config)
            return
        config.deliver_policy = there.config.deliver_policy
        config.opt_start_seq = there.config.opt_start_seq
        if self._alone and there.num_ack_pending:
            config.deliver_policy = DeliverPolicy.BY_START_SEQUENCE
            config.opt_start_seq = there.ack_floor.stream_seq + 1 if there.ack_floor else 1
            await self._bus.js.delete_consumer(self._stream, self.durable)
        await self._bus.js.add_consumer(self._stream, config)

    async def _take(self, messages: list[Msg]) -> None:
        decoded = [pair for message in messages if (pair := await self._read(message)) is not None]
        if not decoded:
            return
        try:
            await self._handle([delivery for _, delivery in decoded])
        except Exception as error:  # noqa: BLE001  (the rule for faults of every kind is here)
            if len(decoded) == 1:
                await self._failed(*decoded[0], error)
                return
            log.warning("list_failed", consumer=self.durable, messages=len(decoded), error=repr(error))
            for pair in decoded:
                await self._take_one(*pair)
            return
        for message, _ in decoded:
            await message.ack()
        self.outcomes[HANDLED] += len(decoded)

    async def _take_one(self, message: Msg, delivery: Delivery[Any]) -> None:
        try:
            await self._handle([delivery])
        except Exception as error:  # noqa: BLE001
            await self._failed(message, delivery, error)
        else:
            await message.ack()
            self.outcomes[HANDLED] += 1

    async def _read(self, message: Msg) -> tuple[Msg, Delivery[Any]] | None:
        try:
            return message, delivery_of(message, self._decode)
        except PermanentError as error:
            await self._give_up(message, error)
            return None

    async def _failed(self, message: Msg, delivery: Delivery[Any], error: Exception) -> None:
        if isinstance(error, PermanentError) or delivery.delivered > len(BACKOFF_S):
            await self._give_up(message, error)
            return
        expected = isinstance(error, TemporaryError)
        log.warning(
            "message_delayed",
            consumer=self.durable,
            subject=delivery.subject,
            delivered=delivery.delivered,
            error=repr(error),
            exc_info=None if expected else error,
        )
        await message.nak(delay=BACKOFF_S[delivery.delivered - 1])
        self.outcomes[REPEATED] += 1

    async def _give_up(self, message: Msg, error: Exception) -> None:
        log.error("message_dead", consumer=self.durable, subject=message.subject, error=repr(error), exc_info=error)
        await bury(self._bus, message, self._stream, self.durable, error)
        await message.term()
        self.outcomes[DEAD] += 1


def delivery_of(message: Msg, decode: Decode) -> Delivery[Any]:
    """A raw JetStream message as a handler sees it. Raises PermanentError when it cannot be read."""
    metadata = message.metadata
    return Delivery(
        subject=message.subject,
        message=decode(message.subject, message.data),
        sequence=metadata.sequence.stream,
        delivered=metadata.num_delivered,
    )
