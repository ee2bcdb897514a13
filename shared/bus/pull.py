"""Messages of a JetStream consumer, in lists: whatever has arrived, at most `batch`, as soon as there is one.

Plain nats-py with a standing pull request. The client library's own `fetch` costs two round trips per list and falls
silent when its consumer is deleted; this one renews the request while messages come, and after two missed heartbeats
asks the server whether the consumer still exists.
"""

import asyncio
import json
from collections import deque

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.js import JetStreamContext
from nats.js.errors import Error as NatsApiError
from nats.js.errors import NotFoundError

HEARTBEAT_S = 2.0
EXPIRES_S = 30.0
DRAIN_S = 3.0
"""The longest wait for what is on its way when a reader stops; a server that is there answers at once."""
DOUBT_S = 0.1
"""The wait before asking whether a consumer still exists: it keeps a missing one from being asked for in a hot loop."""

log = structlog.get_logger()

_NANOSECONDS = 1_000_000_000


class ConsumerGone(Exception):
    """The consumer or its stream was deleted; only a new start of the service brings it back."""


class Puller:
    """A standing pull on one consumer. One reader at a time."""

    def __init__(self, nats: Client, js: JetStreamContext, stream: str, consumer: str, batch: int) -> None:
        self._nats = nats
        self._js = js
        self._stream = stream
        self._consumer = consumer
        self._batch = batch
        self._arrived: deque[Msg] = deque()
        self._wake = asyncio.Event()
        self._outstanding = 0
        self._subscription: Subscription | None = None
        self._doubtful = False
        self._gone: str | None = None
        self._closed = False

    async def open(self) -> None:
        self._subscription = await self._nats.subscribe(self._nats.new_inbox(), cb=self._on_message)
        await self._pull()

    async def next(self) -> list[Msg]:
        """The next messages, at least one. Raises ConsumerGone."""
        while True:
            await self._pull()
            if self._arrived:  # nothing waits between here and the reader: a message is always in somebody's hands
                count = min(len(self._arrived), self._batch)
                return [self._arrived.popleft() for _ in range(count)]
            self._wake.clear()
            try:
                async with asyncio.timeout(2 * HEARTBEAT_S):
                    await self._wake.wait()
            except TimeoutError:
                self._doubtful = True
            if self._doubtful and not self._arrived:
                await self._revive()
            if self._gone:
                raise ConsumerGone(f"{self._stream}/{self._consumer}: {self._gone}")

    async def close(self) -> list[Msg]:
        """Stop pulling; what was on its way or had arrived, and was not read yet."""
        self._closed = True
        try:
            async with asyncio.timeout(DRAIN_S):
                await self._drain()
        except (TimeoutError, NatsError) as error:  # the connection is away, and what was on its way with it
            log.warning("pull_not_drained", stream=self._stream, consumer=self._consumer, error=repr(error))
        left = list(self._arrived)
        self._arrived.clear()
        return left

    async def leave(self) -> None:
        """Stop at once, whatever is on its way: for a consumer whose messages nobody acknowledges."""
        self._closed = True
        if self._subscription is not None and not self._nats.is_closed:
            await self._subscription.unsubscribe()

    async def _drain(self) -> None:
        """Take what the server has sent until it knows that nothing more is wanted."""
        if self._subscription is None or self._nats.is_closed:
            return
        if self._nats.is_reconnecting:
            await self._subscription.unsubscribe()
        else:
            await self._subscription.drain()  # type: ignore[no-untyped-call]

    async def reconnected(self) -> None:
        """The server forgot the standing request with the old connection."""
        self._outstanding = 0
        await self._pull()

    async def _pull(self) -> None:
        if self._closed or self._nats.is_closed or self._nats.is_reconnecting:
            return
        if self._outstanding > self._batch // 2:
            return
        assert self._subscription is not None
        wanted = self._batch - self._outstanding
        request = {
            "batch": wanted,
            "expires": int(EXPIRES_S * _NANOSECONDS),
            "idle_heartbeat": int(HEARTBEAT_S * _NANOSECONDS),
        }
        self._outstanding += wanted
        subject = f"$JS.API.CONSUMER.MSG.NEXT.{self._stream}.{self._consumer}"
        await self._nats.publish(subject, json.dumps(request).encode(), self._subscription.subject)

    async def _revive(self) -> None:
        """No heartbeat, or nobody to pull from: the connection is away, or the consumer is gone."""
        self._doubtful = False
        await asyncio.sleep(DOUBT_S)
        if self._nats.is_closed or self._nats.is_reconnecting:
            return
        try:
            await self._js.consumer_info(self._stream, self._consumer)
        except NotFoundError as error:
            self._gone = str(error)
        except (NatsError, NatsApiError):
            return
        self._outstanding = 0

    async def _on_message(self, message: Msg) -> None:
        if message.reply:
            self._outstanding = max(0, self._outstanding - 1)
            self._arrived.append(message)
        else:
            self._note_status(message.headers or {})
        self._wake.set()

    def _note_status(self, headers: dict[str, str]) -> None:
        """A message without a way to acknowledge it is the server's word on the request: 100 is a heartbeat."""
        status = headers.get("Status")
        if status == "100":
            return
        self._doubtful = status not in ("404", "408")
        description = headers.get("Description", "")
        if "Deleted" in description:
            self._gone = description
        unused = headers.get("Nats-Pending-Messages")
        self._outstanding = max(0, self._outstanding - int(unused)) if unused else 0
