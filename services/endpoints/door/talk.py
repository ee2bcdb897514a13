"""What is said on the command line's websockets, and how it becomes bytes.

A session's first message says what to start (`Opening`); then binary messages are its input, and text ones a
`Control`. What it writes comes back as binary messages, whose first byte says which stream it is (1 or 2), and at the
end one text message: `{"exit": <code>, "signal": <name or null>}`, or `{"refused": <sentence>}`. A connection's binary
messages are its bytes. In both, `{"end": true}` says that there are no more this way.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Annotated

from aiohttp import WSMsgType, web
from pydantic import Field, ValidationError

from services.endpoints.carry import Read, Write
from shared.contracts.base import Contract
from shared.contracts.errors import Invalid
from shared.contracts.streams import Terminal

OPENING_S = 10.0
STDOUT, STDERR, PLAIN = b"\x01", b"\x02", b""
Size = Annotated[int, Field(ge=1, le=10_000)]


class Opening(Contract):
    """What a session starts: a line for the user's shell, or without one the login shell itself."""

    command: Annotated[str | None, Field(min_length=1, max_length=131_072)] = None
    terminal: Terminal | None = None
    env: dict[str, str] = Field(default_factory=dict)


class Control(Contract):
    """What is no input: the terminal has another size, a signal, or the end of the input."""

    resize: tuple[Size, Size] | None = None
    signal: str | None = None
    end: bool = False


class Talk:
    """One websocket; `used` is called for every piece that it carries."""

    def __init__(self, websocket: web.WebSocketResponse, used: Callable[[], None]) -> None:
        self._websocket = websocket
        self._used = used

    async def opening(self) -> Opening:
        """The first message. Raises Invalid for anything else."""
        try:
            message = await self._websocket.receive(OPENING_S)
            if message.type is WSMsgType.TEXT:
                return Opening.model_validate_json(message.data)
        except (TimeoutError, ValidationError):
            pass
        raise Invalid("The session did not say what to start. Update the jobyard package.")

    async def listening(self, obey: Callable[[Control], None], work: Callable[[Read], Awaitable[None]]) -> None:
        """Do this work with the client's input; controls are obeyed, and its going noticed, also after the input's end.

        Raises a group of ConnectionError when the client is gone.
        """
        over = asyncio.Event()

        async def read() -> bytes:
            data = await self._next(obey)
            if not data:
                over.set()
            return data

        async def listen() -> None:
            await over.wait()
            while True:
                await self._next(obey)

        async with asyncio.TaskGroup() as group:
            rest = group.create_task(listen())
            await work(read)
            rest.cancel()

    async def _next(self, obey: Callable[[Control], None]) -> bytes:
        """The next piece of the input; nothing at its end."""
        while True:
            message = await self._websocket.receive()
            if message.type is WSMsgType.BINARY and message.data:
                self._used()
                data: bytes = message.data
                return data
            if message.type is WSMsgType.TEXT:
                control = _control(message.data)
                if control.end:
                    return b""
                obey(control)
            elif message.type is not WSMsgType.BINARY:
                raise ConnectionResetError("the client has gone")

    def sent(self, mark: bytes) -> Write:
        """Sends what is written to this stream."""

        async def send(data: bytes) -> None:
            self._used()
            await self._websocket.send_bytes(mark + data)

        return send

    async def say(self, **said: object) -> None:
        """A text message."""
        await self._websocket.send_str(json.dumps(said))


def _control(text: str) -> Control:
    try:
        return Control.model_validate_json(text)
    except ValidationError:
        raise ConnectionAbortedError("the client does not keep to the protocol") from None
