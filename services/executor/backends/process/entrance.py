"""The executor's way to a run's children: through the control socket of the run's supervisor.

What has been started goes on without the executor: the supervisor holds the child, and whoever holds the descriptors
holds the bytes.
"""

import asyncio
import json
import os
import signal
import socket
import termios
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from services.executor.backends.process import marks
from services.executor.backends.process.programs import request_for, request_of
from services.executor.backends.process.supervisors import not_running, supervisor_of
from services.executor.backends.protocol import Execution
from shared.contracts.errors import Conflict, Unavailable
from shared.contracts.streams import Child
from shared.streams.files import beside, read_line, send_line

ANSWER_S = 5.0
"""A supervisor opens its door within milliseconds; one that stands still (SIGSTOP, a full disk) does not."""
_WAIT_S = 0.002
_LONGEST_WAIT_S = 0.1
"""Between two knocks: the first come quickly one after another."""
_ANSWER_BYTES = 65_536


class Entrance:
    """Into the runs whose files begin with `<runs>/<run id>`."""

    def __init__(self, runs: str, boot_id: str) -> None:
        self._runs = runs
        self._boot_id = boot_id

    async def exec(self, run_id: str, child: Child | str) -> Execution:
        """See `protocol.Backend.exec`."""
        request = request_of(child) if isinstance(child, Child) else request_for(child)
        try:
            async with asyncio.timeout(ANSWER_S):
                control = await self._control(f"{self._runs}/{run_id}")
                try:
                    files, pid = await _started(control, child, request)
                except BaseException:
                    control.close()
                    raise
        except TimeoutError as error:
            message = "The run does not open its door: it stands still, or the disk of its node is full."
            raise Unavailable(message) from error
        except ConnectionError as error:
            raise not_running() from error
        return Execution(pid, control, files)

    async def _control(self, base: str) -> socket.socket:
        """A connection to the run's supervisor, which is asked to open its door if it has not."""
        called, wait_s = False, _WAIT_S
        while True:
            supervisor = await asyncio.to_thread(supervisor_of, base, self._boot_id)
            if marks.CALLABLE not in supervisor.facts:
                raise Conflict(
                    "The run was started by an older version of Jobyard, whose runs have no ways in. It runs on; from "
                    "the job's next run on there are.",
                    details={"code": "supervisor_too_old"},
                )
            connection = _connected(Path(base + marks.WAYS))
            if connection is not None:
                return connection
            if not called:
                supervisor.send(signal.SIGUSR1)
                called = True
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, _LONGEST_WAIT_S)


def _connected(folder: Path) -> socket.socket | None:
    """None: there is no door yet, or so many stand before it that another try is due."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.setblocking(False)
    try:
        file, path = beside(folder, marks.CONTROL)
        try:
            connection.connect(path)
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
    mine, theirs = _descriptors(child) if isinstance(child, Child) else ({}, [])
    try:
        line = json.dumps({"start": request}).encode() + b"\n"
        await send_line(control, line, theirs)
        answer: dict[str, Any] = json.loads(await read_line(control, _ANSWER_BYTES))
        if "refused" in answer:
            program = request["program"] or (request["argv"] or [None])[0]
            raise Conflict(answer["message"], details={"code": answer["refused"], "program": program})
    except BaseException:
        for file in mine.values():
            os.close(file)
        raise
    finally:
        for file in theirs:
            os.close(file)
    return mine, answer["pid"]


def _descriptors(child: Child) -> tuple[dict[str, int], list[int]]:
    """The caller's ends, and the child's."""
    if child.terminal is not None:
        with ExitStack() as made:
            mine, theirs = _kept(made, os.openpty())
            termios.tcsetwinsize(mine, (child.terminal.rows, child.terminal.columns))
            made.pop_all()
        return {"terminal": mine}, [theirs]
    if child.name is not None:
        return {}, []
    with ExitStack() as made:
        stdin, stdout, stderr = (_kept(made, os.pipe2(os.O_CLOEXEC)) for _ in range(3))
        made.pop_all()
    return {"stdin": stdin[1], "stdout": stdout[0], "stderr": stderr[0]}, [stdin[0], stdout[1], stderr[1]]


def _kept(made: ExitStack, ends: tuple[int, int]) -> tuple[int, int]:
    """Both are closed again unless all else that a child needs could be made too."""
    for end in ends:
        made.callback(os.close, end)
    return ends
