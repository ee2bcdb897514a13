"""One NATS connection of one process: asking commands, publishing facts."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

import structlog
from faststream.nats import NatsBroker
from faststream.nats.security import NatsUserPassword
from nats.aio.client import Client
from nats.errors import Error as NatsError
from nats.errors import MaxPayloadError, NoRespondersError
from nats.js import JetStreamContext
from nats.js.errors import Error as NatsApiError

from shared.bus.replies import ERROR_HEADER, RefusalMiddleware, raw_body
from shared.contracts.commands.command import Answer, Ask, Command
from shared.contracts.errors import PermanentError, RefusalBody, TemporaryError, Unavailable, refusal_from
from shared.contracts.events import AnyCloudEvent

log = structlog.get_logger()

AWAY = (TemporaryError, TimeoutError, NatsError, NatsApiError)
"""What the bus and the stores raise while something they need is away for a time."""

PUBLISH_TIMEOUT_S = 5.0
RECONNECT_WAIT_S: Any = 0.5  # the client takes fractions, its annotation says int
RETRY_WAIT_S = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


class Bus:
    """Commands and events of this process. `closed` is set when the connection is given up for good."""

    def __init__(self, broker: NatsBroker, nats: Client) -> None:
        self.broker = broker
        self.nats = nats
        self.js: JetStreamContext = nats.jetstream(timeout=PUBLISH_TIMEOUT_S)
        self.closed = asyncio.Event()
        self.refusals: dict[str, str] = {}
        """Why the server does not store what is published, while that lasts; by the first word of the subject."""
        self._reconnected: list[Callable[[], Awaitable[None]]] = []

    @property
    def connected(self) -> bool:
        return self.nats.is_connected

    def on_reconnect(self, action: Callable[[], Awaitable[None]]) -> None:
        """Run this after each new connection to a server."""
        self._reconnected.append(action)

    def off_reconnect(self, action: Callable[[], Awaitable[None]]) -> None:
        self._reconnected.remove(action)

    async def stop_answering(self) -> None:
        """Answer the commands that have arrived and take no more. FastStream's own stop would drop those waiting."""
        for subscriber in self.broker.subscribers:
            subscription = getattr(subscriber, "subscription", None)
            if subscription is not None:
                setattr(subscriber, "subscription", None)  # noqa: B010  (typed as read by its base class)
                with suppress(NatsError):
                    await subscription.drain()

    async def ask(self, command: Command[Ask, Answer], ask: Ask, timeout: float = 5.0) -> Answer:
        """Ask a command's owner.

        Raises the Refusal that the owner gave, or Unavailable: when nobody answers for `timeout` seconds, or when an
        answer was lost; then it is unknown whether the command was carried out, and repeating it is safe.
        """
        payload = ask.model_dump_json().encode()
        deadline = asyncio.get_running_loop().time() + timeout
        for wait in _waits():
            left = deadline - asyncio.get_running_loop().time()
            try:
                reply = await self.nats.request(command.subject, payload, timeout=max(left, 0.01))
            except NoRespondersError:
                if left > wait:
                    await asyncio.sleep(wait)
                    continue
                raise Unavailable(f"The {command.owner} service does not answer. Try again in a moment.") from None
            except (NatsError, TimeoutError) as error:
                raise Unavailable(f"The {command.owner} service did not answer in time. Try again.") from error
            if reply.headers and ERROR_HEADER in reply.headers:
                raise refusal_from(RefusalBody.model_validate_json(reply.data))
            return command.answer.model_validate_json(reply.data)
        raise AssertionError("waits never end")

    async def publish(self, subject: str, event: AnyCloudEvent) -> int:
        """Publish an event until the stream has stored it; its stream sequence. Raises PermanentError if too large."""
        return await self.publish_raw(subject, event.model_dump_json().encode(), event.id)

    async def publish_raw(
        self, subject: str, payload: bytes, message_id: str, headers: dict[str, str] | None = None
    ) -> int:
        """The same for bytes. Repetitions carry the same id, so the stream keeps one within its window."""
        sent = {**(headers or {}), "Nats-Msg-Id": message_id}
        kind = subject.partition(".")[0]
        try:
            for wait in _waits():
                try:
                    reply = await self.nats.request(subject, payload, timeout=PUBLISH_TIMEOUT_S, headers=sent)
                    answer: dict[str, Any] = json.loads(reply.data)
                    if "error" not in answer:
                        return int(answer["seq"])
                    problem: object = answer["error"]
                    if answer["error"].get("err_code") == 10054:
                        raise PermanentError(f"The stream refuses the size of {message_id}: {len(payload)} bytes.")
                    self.refusals[kind] = str(answer["error"].get("description"))
                except MaxPayloadError as error:
                    raise PermanentError(
                        f"{message_id} takes {len(payload)} bytes, more than a message may."
                    ) from error
                except TimeoutError as error:
                    self.refusals[kind] = "it does not acknowledge them"
                    problem = error
                except (NatsError, NatsApiError) as error:
                    problem = error
                log.warning("publish_repeated", subject=subject, message_id=message_id, problem=repr(problem))
                await asyncio.sleep(wait * random.uniform(0.8, 1.2))
        finally:
            self.refusals.pop(kind, None)  # who is still refused says so again
        raise AssertionError("waits never end")

    async def tell(self, subject: str, payload: bytes) -> bool:
        """Publish once and go on: nobody hears whether a stream has stored it. False if it did not leave."""
        if not self.connected:
            return False
        try:
            await self.nats.publish(subject, payload)
        except NatsError as error:
            log.warning("message_not_sent", subject=subject, problem=repr(error))
            return False
        return True

    async def _after_reconnect(self) -> None:
        log.info("nats_reconnected")
        for action in list(self._reconnected):
            await action()


def _waits() -> Iterator[float]:
    yield from RETRY_WAIT_S
    while True:
        yield RETRY_WAIT_S[-1]


def inbox_of(url: str) -> str:
    """Where answers to this process arrive: `_INBOX.<user>`, so that an account can be confined to its own answers."""
    account = account_of(url)
    return f"_INBOX.{account.username}" if account else "_INBOX"


def servers_of(url: str) -> list[str]:
    """The addresses of the servers, without user and password."""
    servers = [urlsplit(server.strip()) for server in url.split(",")]
    return [server._replace(netloc=server.netloc.rpartition("@")[2]).geturl() for server in servers]


def account_of(url: str) -> NatsUserPassword | None:
    """User and password of the first server; they count for the others of a cluster too, which a client learns of."""
    first = urlsplit(url.partition(",")[0])
    return NatsUserPassword(first.username, first.password) if first.username and first.password else None


@asynccontextmanager
async def connect(url: str, name: str) -> AsyncIterator[Bus]:
    """A connected bus, drained at the end. Waits for the server as long as it takes."""
    state: dict[str, Bus] = {}
    leaving = asyncio.Event()

    async def on_error(error: Exception) -> None:
        if "permissions violation" in str(error).lower():  # whoever asked or published sees only a time-out
            log.error("nats_denied", error=str(error), hint="deploy/nats/accounts.conf says what each service may do")
            return
        log.warning("nats_error", error=repr(error))

    async def on_disconnect() -> None:
        if not leaving.is_set():
            log.warning("nats_disconnected")

    async def on_reconnect() -> None:
        await state["bus"]._after_reconnect()

    async def on_close() -> None:
        if "bus" in state:
            state["bus"].closed.set()

    broker = NatsBroker(
        servers_of(url),
        name=name,
        logger=None,
        apply_types=False,
        decoder=raw_body,
        middlewares=[RefusalMiddleware],
        inbox_prefix=inbox_of(url),
        security=account_of(url),
        max_reconnect_attempts=-1,
        reconnect_time_wait=RECONNECT_WAIT_S,
        error_cb=on_error,
        disconnected_cb=on_disconnect,
        reconnected_cb=on_reconnect,
        closed_cb=on_close,
    )
    nats = await broker.connect()
    state["bus"] = Bus(broker, nats)
    try:
        yield state["bus"]
    finally:
        leaving.set()
        await broker.stop()
