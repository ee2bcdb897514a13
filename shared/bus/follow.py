"""How every replica follows a stream by itself: an ordered, unacknowledged consumer that is remade where it broke."""

from collections.abc import AsyncIterator
from typing import Any

import structlog
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from shared.bus.bus import Bus
from shared.bus.pull import ConsumerGone, Puller
from shared.bus.subscriptions import filtered
from shared.ids import new_id

log = structlog.get_logger()

BATCH = 256


class StreamReplaced(Exception):
    """The stream was deleted and made anew: what is known from the old one does not continue in it."""


class Follower:
    """Messages of some subjects of a stream, in order, without gap or repetition, across reconnections."""

    def __init__(
        self,
        bus: Bus,
        stream: str,
        subjects: tuple[str, ...],
        start: int | None,
        new_only: bool,
        batch: int = BATCH,
    ) -> None:
        """Begin at sequence `start`; without it at the stream's beginning or, with `new_only`, at its end.

        `batch`: messages under way at one time, which bounds the memory of a follower that is slow.
        """
        self._bus = bus
        self._stream = stream
        self._subjects = subjects
        self._next = start
        self._new_only = new_only
        self._batch = batch
        self._created: Any = None
        self._puller: Puller | None = None
        self._consumer = ""
        self._consumer_sequence = 0

    async def open(self) -> None:
        """Subscribe. Raises StreamReplaced when the stream ends before the start that was asked for."""
        info = await self._bus.js.stream_info(self._stream)
        if self._created is None:
            self._created = info.created
            if self._next is None and self._new_only:
                self._next = info.state.last_seq + 1
        if info.created != self._created or (self._next or 1) > info.state.last_seq + 1:
            raise StreamReplaced(f"the stream {self._stream} was made anew")
        config = ConsumerConfig(
            name=f"follower-{new_id()}",
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._next or 1,
            ack_policy=AckPolicy.NONE,
            mem_storage=True,
            num_replicas=1,
            inactive_threshold=60,
            **filtered(self._subjects),
        )
        consumer = await self._bus.js.add_consumer(self._stream, config)
        self._consumer, self._consumer_sequence = consumer.name, 0
        self._puller = Puller(self._bus.nats, self._bus.js, self._stream, consumer.name, self._batch)
        self._bus.on_reconnect(self._puller.reconnected)
        await self._puller.open()

    async def next(self) -> list[Msg]:
        """The next messages in order, at least one. Raises StreamReplaced."""
        while True:
            if self._puller is None:
                await self.open()
            assert self._puller is not None
            try:
                messages = await self._puller.next()
            except ConsumerGone:
                await self._drop()
                continue
            good = self._in_sequence(messages)
            if len(good) < len(messages):
                log.info("follower_remade", stream=self._stream, next=self._next)
                await self._drop()
            if good:
                return good

    @property
    def created(self) -> Any:
        """When the stream was made that is followed: which of those that had its name. None before it is open."""
        return self._created

    @property
    def position(self) -> int:
        """The sequence up to which everything has come, or came before the start."""
        return (self._next or 1) - 1

    async def behind(self) -> int:
        """How many messages there are that `next` has not given yet. Raises NotFoundError for a consumer that is gone,
        and what the client raises while the server does not answer.
        """
        info = await self._bus.js.consumer_info(self._stream, self._consumer)
        delivered = info.delivered.consumer_seq if info.delivered else 0
        return (info.num_pending or 0) + delivered - self._consumer_sequence

    async def lists(self) -> AsyncIterator[list[Msg]]:
        """The same as an endless iteration."""
        while True:
            yield await self.next()

    async def close(self) -> None:
        """Stop following, and let the server forget the consumer."""
        name = self._consumer
        await self._drop()
        if name and self._bus.connected:
            await self._bus.js.delete_consumer(self._stream, name)

    async def _drop(self) -> None:
        if self._puller is not None:
            self._bus.off_reconnect(self._puller.reconnected)
            await self._puller.leave()
            self._puller = None

    def _in_sequence(self, messages: list[Msg]) -> list[Msg]:
        good = []
        for message in messages:
            sequence = message.metadata.sequence
            if sequence.consumer != self._consumer_sequence + 1:
                break
            self._consumer_sequence += 1
            self._next = sequence.stream + 1
            good.append(message)
        return good
