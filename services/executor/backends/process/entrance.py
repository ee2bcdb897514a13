"""The executor's way to a run's children: through the control socket of the run's supervisor.

What has been started goes on without the executor: the supervisor holds the child, and whoever holds the descriptors
holds the bytes.

Where a run is somebody's whom this node does not trust, its supervisor may be something else that it has put there:
whatever answers is taken by its form, and nothing that it hands over is read or written (`ends`).
"""

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from services.executor.backends.process import ends, marks
from services.executor.backends.process.children import (
    NOT_STARTED,
    PROGRAM_MISSING,
    PROGRAM_UNUSABLE,
    RUN_NOT_RUNNING,
    STOPPING,
    TOO_MANY,
)
from services.executor.backends.process.doors import Doors
from services.executor.backends.process.programs import request_for, request_of
from services.executor.backends.process.supervisors import not_running
from services.executor.backends.protocol import Execution
from services.executor.backends.refusals import refusal
from shared.contracts.errors import Unavailable
from shared.contracts.streams import Child
from shared.streams.files import read_line, read_line_and_files, send_line

ANSWER_S = 5.0
"""A supervisor opens its door within milliseconds; one that stands still (SIGSTOP, a full disk) does not."""
_WAIT_S = 0.002
_LONGEST_WAIT_S = 0.1
"""Between two knocks: the first come quickly one after another."""
_ANSWER_BYTES = 65_536
_CREDENTIALS = struct.Struct("3i")
_STARTING = frozenset({RUN_NOT_RUNNING, PROGRAM_MISSING, PROGRAM_UNUSABLE, STOPPING, TOO_MANY})
_FINDING = frozenset({RUN_NOT_RUNNING, NOT_STARTED})
"""Why a program is refused that is to be started, and one that is to be found by its name."""


class Answer(BaseModel):
    """A supervisor's, to whatever it was asked."""

    model_config = ConfigDict(strict=True)

    pid: Annotated[int, Field(ge=0, lt=1 << 31)] = 0
    refused: Annotated[str, Field(pattern=r"^[a-z_]{1,40}$")] | None = None
    message: Annotated[str, Field(max_length=2_000)] = ""


class Entrance:
    """Into the runs behind these doors."""

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

    async def exec(self, run_id: str, child: Child | str) -> Execution:
        """See `protocol.Backend.exec`."""
        request = request_of(child, self._doors.shell()) if isinstance(child, Child) else request_for(child)
        async with self._inside(run_id) as control:
            files, pid = await _started(control, child, request)
            try:
                return Execution(pid, control.dup(), files)
            except OSError:
                _close(files.values())
                raise

    async def ask(self, run_id: str, question: dict[str, Any], files: Sequence[int]) -> Answer:
        """The supervisor's answer to a question that these descriptors belong to. Raises as `exec`."""
        async with self._inside(run_id) as control:
            await send_line(control, json.dumps(question).encode() + b"\n", files)
            return Answer.model_validate_json(await read_line(control, _ANSWER_BYTES))

    @asynccontextmanager
    async def _inside(self, run_id: str) -> AsyncIterator[socket.socket]:
        """A connection to the run's supervisor."""
        try:
            async with asyncio.timeout(ANSWER_S):
                with await self._control(run_id) as control:
                    yield control
        except TimeoutError as error:
            message = "The run does not open its door: it stands still, or the disk of its node is full."
            raise Unavailable(message) from error
        except ConnectionError as error:
            raise not_running() from error
        except ValueError as error:  # a ValidationError is one
            raise Unavailable(
                "What answers at the run's door is not its supervisor: the run has replaced it."
            ) from error

    async def _control(self, run_id: str) -> socket.socket:
        """The supervisor is asked to open its door if it has not."""
        called, wait_s = False, _WAIT_S
        while True:
            await self._doors.check(run_id)
            connection = _connected(self._doors.folder(run_id))
            if connection is not None:
                return connection
            if not called:
                await self._doors.call(run_id)
                called = True
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def _connected(folder: Path) -> socket.socket | None:
    """None: there is no door yet, or so many stand before it that another try is due.

    A run may write in that folder: what is connected to is the socket that lies there, and never what a link leads to.
    """
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        file = os.open(folder / marks.CONTROL, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            connection.connect(f"/proc/self/fd/{file}")  # of any depth: `sun_path` ends at 107 bytes
        finally:
            os.close(file)
    except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
        connection.close()
        return None
    except OSError:
        connection.close()
        raise
    return connection


async def _started(control: socket.socket, child: Child | str, request: dict[str, Any]) -> tuple[dict[str, int], int]:
    """The caller's ends of the child's streams, and its pid. Raises Conflict, OSError.

    The answer may be followed by the exit of a short child, which is left for the caller.
    """
    mine, theirs = await _ends(control, child, request)
    try:
        await send_line(control, json.dumps({"start": request}).encode() + b"\n", theirs)
        return mine, _accepted(await read_line(control, _ANSWER_BYTES), child, request).pid
    except BaseException:
        _close(mine.values())
        raise
    finally:
        _close(theirs)


async def _ends(control: socket.socket, child: Child | str, request: dict[str, Any]) -> ends.Ends:
    """Of the streams that it is to have."""
    if request["terminal"] is None:
        return ends.pipes() if isinstance(child, Child) and child.name is None else ({}, [])
    try:
        await send_line(control, b'{"terminals": true}\n')
        said, files = await read_line_and_files(control, _ANSWER_BYTES, 1)
    except ConnectionError as error:
        raise Unavailable(
            "The run ends, or was started by an earlier version of the platform: then its job has a terminal in its "
            "next run."
        ) from error
    try:
        _accepted(said, child, request)
        [ptmx] = files
        rows, columns = request["terminal"]
        owner = _CREDENTIALS.unpack(control.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))[1]
        return ends.terminal(ptmx, rows, columns, owner)
    finally:
        _close(files)


def _accepted(said: bytes, child: Child | str, request: dict[str, Any]) -> Answer:
    """Raises the Conflict that the child is refused with, ValueError."""
    answer = Answer.model_validate_json(said)
    if answer.refused is not None:
        program = request["program"] or (request["argv"] or [None])[0]
        raise refusal(answer.refused, answer.message, program, _FINDING if isinstance(child, str) else _STARTING)
    return answer


def _close(files: Iterable[int]) -> None:
    for file in files:
        os.close(file)
