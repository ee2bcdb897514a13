"""Joins what a service declares in SUBSCRIPTIONS to the bus."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from shared.bus.bus import Bus
from shared.bus.consume import Handle, ListConsumer, delivery_of
from shared.bus.deadletters import bury
from shared.bus.follow import Follower
from shared.bus.replies import router_of
from shared.bus.subscriptions import Answers, Delivery, Each, PerNode, PerPartition, Shared, Subscription
from shared.contracts import subjects
from shared.contracts.errors import PermanentError

Loop = Callable[[], Awaitable[None]]


class HandlerFailed(Exception):
    """A handler of followed events raised: its state has a hole now, and only a new start rebuilds it."""


class Wiring:
    """One service's subscriptions at work, in the order that a start and an end need."""

    def __init__(
        self,
        bus: Bus,
        handlers: object,
        subscriptions: Sequence[Subscription],
        node: str | None,
        partitions: Sequence[int] | None,
        alone: bool,
    ) -> None:
        """`partitions`: the log partitions that this replica has; None: all."""
        self._bus = bus
        self._handlers = handlers
        self._subscriptions = subscriptions
        self._node = node
        self._partitions = partitions
        self._alone = alone
        self._followers: list[tuple[Each, Follower]] = []
        self.consumers: list[ListConsumer] = []

    async def follow(self) -> None:
        """Begin to collect what every replica follows; nothing is delivered yet. May be repeated."""
        for each in self._subscriptions:
            if isinstance(each, Each):
                if any(each is known for known, _ in self._followers):
                    continue
                start = await each.start(self._handlers) if each.start else None
                heard = self._subjects(each)
                follower = Follower(self._bus, each.stream, heard, start, new_only=each.start is None)
                await follower.open()
                self._followers.append((each, follower))

    def loops(self) -> list[Loop]:
        """The loops that deliver events, to run until they are cancelled."""
        for item in self._subscriptions:
            if isinstance(item, Shared):
                durable = f"{item.durable}-{self._node}" if isinstance(item, PerNode) else item.durable
                alone = self._alone or isinstance(item, PerNode)
                self.consumers.append(ListConsumer(self._bus, item, durable, self._bound(item), alone))
        delivering: list[Loop] = [partial(self._deliver, each, follower) for each, follower in self._followers]
        return delivering + [consumer.run for consumer in self.consumers]

    def answer(self) -> None:
        """Add the commands to the broker; they are answered once it starts."""
        answers = [item for item in self._subscriptions if isinstance(item, Answers)]
        partitions = range(subjects.LOG_PARTITIONS) if self._partitions is None else self._partitions
        self._bus.broker.include_router(router_of(answers, self._handlers, self._node, partitions))

    async def drain(self) -> None:
        """Finish the events under way and take no more."""
        await asyncio.gather(*(consumer.drain() for consumer in self.consumers))

    def _subjects(self, each: Each) -> tuple[str, ...]:
        if isinstance(each, PerPartition) and self._partitions is not None:
            return tuple(subjects.logs_of(partition) for partition in self._partitions)
        return each.subjects

    def _bound(self, item: Shared | Each) -> Handle:
        return partial(item.handler, self._handlers)

    async def _deliver(self, each: Each, follower: Follower) -> None:
        handle = self._bound(each)
        async for messages in follower.lists():
            deliveries: list[Delivery[object]] = []
            for message in messages:
                try:
                    deliveries.append(delivery_of(message, each.decode))
                except PermanentError as error:
                    await bury(self._bus, message, each.stream, "followers", error)
            if deliveries:
                try:
                    await handle(deliveries)
                except Exception as error:
                    raise HandlerFailed(f"{each.stream}: {error!r}") from error
