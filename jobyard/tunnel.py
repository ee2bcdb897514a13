"""Ways into a running job through the platform's door: a session, or a connection to one of its ports.

Both are websockets, signed in like every request. The platform may answer `/endpoints/...` at another address than its
own: where to is asked for once, and the token goes there because the platform itself has said so.
"""

import asyncio
import json
import threading
from collections.abc import Coroutine, Iterator
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import quote, urlencode

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from jobyard.credentials import is_local
from jobyard.errors import JobyardError, NotJobyard, Unauthorized, Unavailable, Unreachable, error_of
from jobyard.transport import Transport

OPEN_S = 30.0
PIECE = 1 << 16
PREFIX = "/endpoints"
CUT = "The connection to the job was cut."

T = TypeVar("T")


@dataclass(frozen=True)
class Terminal:
    """A terminal's kind and its size in characters."""

    term: str
    columns: int
    rows: int


@dataclass(frozen=True)
class Ended:
    """How the program of a session ended; `code` is 128 and the signal's number for one that a signal ended."""

    code: int
    signal: str | None


@dataclass(frozen=True)
class Written:
    """What the program of a session wrote."""

    data: bytes
    to_stderr: bool


class Channel:
    """A websocket for threads, driven by a loop in one of its own: what is sent never keeps what comes from arriving.

    (The library's client for threads writes while it holds the lock that reading needs, so that two sides which both
    send much wait for each other for ever.)
    """

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._websocket: ClientConnection | None = None

    def open(self, url: str, **options: Any) -> None:
        """Raises what `websockets` raises."""

        async def opening() -> ClientConnection:
            return await connect(url, **options)

        self._websocket = self._done(opening())

    def send(self, message: str | bytes) -> None:
        """Returns when there may be more. Raises Unavailable."""
        try:
            self._done(self._open.send(message))
        except ConnectionClosed:
            raise Unavailable(CUT) from None

    def receive(self) -> str | bytes:
        """The next message. Raises Unavailable."""
        try:
            return self._done(self._open.recv())
        except ConnectionClosed:
            raise Unavailable(CUT) from None

    def close(self) -> None:
        if self._websocket is not None:
            self._done(self._websocket.close())
        self._loop.call_soon_threadsafe(self._loop.stop)

    @property
    def _open(self) -> ClientConnection:
        assert self._websocket is not None, "it is opened before it is used"
        return self._websocket

    def _done(self, what: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()


class Way:
    """What a session and a connection have in common; closed at the end of a `with`."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()

    def send(self, data: bytes) -> None:
        """Bytes for the job; returns when there may be more. Raises Unavailable."""
        self._channel.send(data)

    def end_input(self) -> None:
        """There are no more of them."""
        self._channel.send('{"end": true}')


class Session(Way):
    """A program in a job. Iterate over what it says in one thread; send in another."""

    def __iter__(self) -> Iterator[Written | Ended]:
        """Ends with how the program ended. Raises Unavailable when the connection breaks, JobyardError when refused."""
        while True:
            message = self._channel.receive()
            if isinstance(message, bytes):
                yield Written(message[1:], to_stderr=message[:1] == b"\x02")
                continue
            said: dict[str, Any] = json.loads(message)
            if "refused" in said:
                raise JobyardError(str(said["refused"]))
            yield Ended(int(said["exit"]), said.get("signal"))
            return

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has another size."""
        self._channel.send(json.dumps({"resize": [columns, rows]}))

    def signal(self, name: str) -> None:
        """Send the program a signal: "INT", "TERM", ..."""
        self._channel.send(json.dumps({"signal": name}))


class Connection(Way):
    """A connection to a port of a job: bytes both ways, each with its own end."""

    def __iter__(self) -> Iterator[bytes]:
        """What the job sends, until it sends no more. Raises Unavailable when the connection breaks before that."""
        while isinstance(message := self._channel.receive(), bytes):
            yield message


class Tunnels:
    """Opens them. Every method raises a subclass of JobyardError, Conflict while the job does not run."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def session(
        self, job_id: str, command: str | None, terminal: Terminal | None, env: dict[str, str], rank: int = 0
    ) -> Session:
        """A line for the shell of the job, or without one the login shell itself."""
        channel = self._open(f"{PREFIX}/{quote(job_id, safe='')}/ssh/exec", rank)
        channel.send(json.dumps({"command": command, "terminal": terminal and vars(terminal), "env": env}))
        return Session(channel)

    def connection(self, job_id: str, port: int, rank: int = 0) -> Connection:
        """To a program of the job that listens on this port, which is one of its endpoints."""
        return Connection(self._open(f"{PREFIX}/{quote(job_id, safe='')}/tunnel/{port}", rank))

    def _open(self, path: str, rank: int) -> Channel:
        target = self._transport.redirected(f"{path}?{urlencode({'rank': rank})}")
        try:
            return self._connected(target)
        except Unauthorized:
            if not self._transport.renew():
                raise
        return self._connected(target)

    def _connected(self, target: httpx.URL) -> Channel:
        local = is_local(f"{target.scheme}://{target.netloc.decode()}")
        channel = Channel()
        try:
            channel.open(
                str(target.copy_with(scheme="wss" if target.scheme == "https" else "ws")),
                additional_headers=self._transport.authorization(),
                user_agent_header="jobyard-python",
                open_timeout=OPEN_S,
                ping_interval=None,  # a side that is slow would not answer, and be taken for dead
                compression=None,
                max_size=None,
                max_queue=4,
                proxy=None if local else True,
            )
            return channel
        except InvalidStatus as error:
            raise _problem(error, target) from None
        except InvalidHandshake as error:
            raise NotJobyard(f"{target.copy_with(query=None)} does not answer as a Jobyard door does.") from error
        except (OSError, TimeoutError) as error:
            raise Unreachable(
                f"Nothing answers at {target.scheme}://{target.netloc.decode()}, the platform's door into jobs."
            ) from error


def _problem(error: InvalidStatus, target: httpx.URL) -> JobyardError:
    try:
        problem = json.loads(error.response.body or b"")
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        return error_of(error.response.status_code, problem)
    status = error.response.status_code
    return NotJobyard(f"{target.copy_with(query=None)} answered {status}, but not as a Jobyard door does.")
