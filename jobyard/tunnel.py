"""Ways into a running job through the platform's door: a session, or a connection to one of its ports.

Both are websockets, signed in like every request. The platform may answer `/endpoints/...` at another address than its
own: where to is asked for once, and the token goes there because the platform itself has said so.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import quote, urlencode

import httpx
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from jobyard.credentials import is_local
from jobyard.errors import JobyardError, NotJobyard, Unauthorized, Unavailable, Unreachable, error_of
from jobyard.transport import Transport

OPEN_S = 30.0
PIECE = 1 << 16
PREFIX = "/endpoints"


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


class Session:
    """A program in a job. Iterate over what it says, from one thread; send from another."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._websocket.close()

    def __iter__(self) -> Iterator[Written | Ended]:
        """Ends with how the program ended. Raises Unavailable when the connection breaks, JobyardError when refused."""
        try:
            for message in self._websocket:
                if isinstance(message, bytes):
                    yield Written(message[1:], to_stderr=message[:1] == b"\x02")
                    continue
                said: dict[str, Any] = json.loads(message)
                if "refused" in said:
                    raise JobyardError(str(said["refused"]))
                yield Ended(int(said["exit"]), said.get("signal"))
                return
        except ConnectionClosed:
            pass
        raise Unavailable("The connection to the job was cut.")

    def send(self, data: bytes) -> None:
        """Input for the program; returns when there may be more. Raises Unavailable."""
        self._tell(data)

    def end_input(self) -> None:
        """There is no more of it."""
        self._tell('{"end": true}')

    def resize(self, columns: int, rows: int) -> None:
        """The terminal has another size."""
        self._tell(json.dumps({"resize": [columns, rows]}))

    def signal(self, name: str) -> None:
        """Send the program a signal: "INT", "TERM", ..."""
        self._tell(json.dumps({"signal": name}))

    def _tell(self, message: str | bytes) -> None:
        try:
            self._websocket.send(message)
        except ConnectionClosed:
            raise Unavailable("The connection to the job was cut.") from None


class Connection:
    """A connection to a port of a job: bytes both ways, each with its own end."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._websocket.close()

    def __iter__(self) -> Iterator[bytes]:
        """What the job sends, until it sends no more. Raises Unavailable when the connection breaks before that."""
        try:
            for message in self._websocket:
                if isinstance(message, str):
                    return
                yield message
        except ConnectionClosed:
            pass
        raise Unavailable("The connection to the job was cut.")

    def send(self, data: bytes) -> None:
        """Raises Unavailable."""
        try:
            self._websocket.send(data)
        except ConnectionClosed:
            raise Unavailable("The connection to the job was cut.") from None

    def end_input(self) -> None:
        """The job gets no more."""
        try:
            self._websocket.send('{"end": true}')
        except ConnectionClosed:
            raise Unavailable("The connection to the job was cut.") from None


class Tunnels:
    """Opens them. Every method raises a subclass of JobyardError, Conflict while the job does not run."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def session(
        self, job_id: str, command: str | None, terminal: Terminal | None, env: dict[str, str], rank: int = 0
    ) -> Session:
        """A line for the shell of the job, or without one the login shell itself."""
        websocket = self._open(f"{PREFIX}/{quote(job_id, safe='')}/ssh/exec", rank)
        websocket.send(json.dumps({"command": command, "terminal": terminal and vars(terminal), "env": env}))
        return Session(websocket)

    def connection(self, job_id: str, port: int, rank: int = 0) -> Connection:
        """To a program of the job that listens on this port, which is one of its endpoints."""
        return Connection(self._open(f"{PREFIX}/{quote(job_id, safe='')}/tunnel/{port}", rank))

    def _open(self, path: str, rank: int) -> ClientConnection:
        target = self._transport.redirected(f"{path}?{urlencode({'rank': rank})}")
        try:
            return self._connected(target)
        except Unauthorized:
            if not self._transport.renew():
                raise
        return self._connected(target)

    def _connected(self, target: httpx.URL) -> ClientConnection:
        local = is_local(f"{target.scheme}://{target.netloc.decode()}")
        try:
            return connect(
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
