"""The executor's side of the ways into a run: children through its supervisor's control socket, and its own ports.

A run that is not there, or has ended, is refused. What a run has opened stays open when the executor goes: the
supervisor holds the child, and whoever holds the descriptors holds the bytes.
"""

import asyncio
import contextlib
import json
import os
import pwd
import signal
import socket
import termios
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from services.executor.backends.process import linux, listeners, marks
from services.executor.backends.process.listeners import Listener
from services.executor.backends.protocol import Execution
from shared.contracts.endpoints import PORTS
from shared.contracts.errors import Conflict, FieldError, Invalid, Unavailable
from shared.contracts.streams import Child, Terminal

OPEN_S = 5.0
"""A supervisor opens its door within milliseconds; one that stands still (SIGSTOP, a full disk) does not."""
CONNECT_S = 5.0
_WAIT_S = 0.002
_ANSWER_BYTES = 65_536
_NO_SHELLS = frozenset({"nologin", "false"})
_SHELL = "/bin/sh"

Neighbours = Callable[[], Iterable[tuple[str, int]]]
"""The runs that live here: (run id, the supervisor's pid)."""


class Ways:
    """Into the runs whose files begin with `<runs>/<run id>`."""

    def __init__(self, runs: str, boot_id: str, neighbours: Neighbours) -> None:
        self._runs = runs
        self._boot_id = boot_id
        self._neighbours = neighbours

    # --- children

    async def exec(self, run_id: str, child: Child | str) -> Execution:
        """See `protocol.Backend.exec`."""
        control = await self._control(run_id)
        mine: dict[str, int] = {}
        theirs: list[int] = []
        try:
            wanted: dict[str, Any] = {"argv": None, "program": None, "env": {}, "terminal": False, "name": child}
            if isinstance(child, Child):
                wanted = _wanted(child)
                mine, theirs = _descriptors(child)
            line = json.dumps({"start": wanted}).encode() + b"\n"
            try:
                await _send(control, line, theirs)
                answer = await _answer(control)
            except OSError as error:
                raise _not_running(run_id) from error
            if "refused" in answer:
                code = answer["refused"]
                name = wanted["program"] or (wanted["argv"] or [None])[0]
                raise Conflict(answer["message"], details={"code": code, "program": name})
        except BaseException:
            control.close()
            for file in mine.values():
                os.close(file)
            raise
        finally:
            for file in theirs:
                os.close(file)
        return Execution(answer["pid"], control, mine)

    async def _control(self, run_id: str) -> socket.socket:
        """A connection to the run's supervisor, which is asked to open its door if it has not."""
        folder = f"{self._runs}/{run_id}{marks.WAYS}"
        supervisor, facts = await asyncio.to_thread(self._supervisor, run_id)
        if marks.CALLABLE not in facts:
            raise Conflict(
                "The run was started by an older version of Jobyard, whose runs have no ways in. It runs on; from the "
                "job's next run on there are.",
                details={"code": "supervisor_too_old"},
            )
        deadline = asyncio.get_running_loop().time() + OPEN_S
        called = False
        while True:
            connection = await asyncio.to_thread(_connected, folder)
            if connection is not None:
                return connection
            if not called:
                called = await asyncio.to_thread(_call, supervisor, facts)
                if not called:
                    raise _not_running(run_id)
            elif asyncio.get_running_loop().time() > deadline:
                await asyncio.to_thread(self._supervisor, run_id)
                raise Unavailable("The run does not open its door: it stands still, or the disk of its node is full.")
            await asyncio.sleep(_WAIT_S)

    def _supervisor(self, run_id: str) -> tuple[int, marks.Facts]:
        """The pid of the run's supervisor, and what it has said of itself. Raises Conflict when there is none."""
        start, end = marks.read(f"{self._runs}/{run_id}")
        if start is None or end is not None or not start["pid"] or start["boot_id"] != self._boot_id:
            raise _not_running(run_id)
        pid = int(start["pid"])
        if not is_supervisor(pid, start):
            raise _not_running(run_id)
        return pid, start

    # --- ports

    async def dial(self, run_id: str, port: int) -> socket.socket:
        """See `protocol.Backend.dial`."""
        if not PORTS[0] <= port <= PORTS[1]:
            message = f"Ports of a job are {PORTS[0]} to {PORTS[1]}."
            raise Invalid(message, (FieldError(field="port", message=message),))
        target, inodes = await asyncio.to_thread(self._target, run_id, port)
        family = socket.AF_INET if target.version == 4 else socket.AF_INET6
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().sock_connect(connection, (str(target), port))
            if await asyncio.to_thread(self._target, run_id, port) != (target, inodes):
                raise _not_listening(port)
        except (OSError, TimeoutError) as error:
            connection.close()
            raise _not_listening(port) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _target(self, run_id: str, port: int) -> tuple[IPv4Address | IPv6Address, frozenset[int]]:
        """The address that only processes of this run can answer at, and their sockets. Raises Conflict."""
        pid, _ = self._supervisor(run_id)
        found = listeners.on_port(port)
        own = listeners.owner({listener.inode for listener in found}, linux.descendants(pid)) if found else {}
        for listener in found:
            if listener.inode in own and listeners.is_local(listener.target):
                hearing = {each.inode for each in found if each.hears(listener.target)}
                if hearing <= own.keys():
                    return listener.target, frozenset(hearing)
        others = [listener for listener in found if listener.inode not in own]
        if others:
            raise self._taken(run_id, port, others)
        raise _not_listening(port)

    def _taken(self, run_id: str, port: int, others: list[Listener]) -> Conflict:
        inodes = {listener.inode for listener in others}
        holder = "another program"
        for other, pid in self._neighbours():
            if other != run_id and listeners.owner(inodes, linux.descendants(pid)):
                holder = f"job {other.partition('.')[0]}"
                break
        message = f"Port {port} of the node is taken by {holder}. Let the job's program listen on another one."
        return Conflict(message, details={"code": "port_taken", "holder": holder})


def is_supervisor(pid: int, start: marks.Facts) -> bool:
    """Whether this is still the supervisor that wrote `start`, and no later process with its pid."""
    return str(linux.start_time(pid)) == start["start_time"]


def _call(pid: int, start: marks.Facts) -> bool:
    """Ask the supervisor to open its door; false if it has gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if not is_supervisor(pid, start):
            return False
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, signal.SIGUSR1)
    finally:
        os.close(handle)
    return True


def _connected(folder: str) -> socket.socket | None:
    """Through the folder's descriptor: the path of a socket may not be longer than 107 bytes."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        file = os.open(folder, os.O_PATH | os.O_CLOEXEC)
        try:
            connection.connect(f"/proc/self/fd/{file}/{marks.CONTROL}")
        finally:
            os.close(file)
    except (FileNotFoundError, ConnectionRefusedError):
        connection.close()
        return None
    except OSError:
        connection.close()
        raise
    connection.setblocking(False)
    return connection


async def _send(control: socket.socket, line: bytes, files: list[int]) -> None:
    sent = socket.send_fds(control, [line], files)
    await asyncio.get_running_loop().sock_sendall(control, line[sent:])


async def _answer(control: socket.socket) -> dict[str, Any]:
    """The supervisor's one line. It may be followed by the exit of a short child, which is left for the caller."""
    data = b""
    while not data.endswith(b"\n"):
        part = await asyncio.get_running_loop().sock_recv(control, 1)
        if not part or len(data) > _ANSWER_BYTES:
            raise ConnectionResetError
        data += part
    answer: dict[str, Any] = json.loads(data)
    return answer


def _wanted(child: Child) -> dict[str, Any]:
    """What the supervisor is asked to start. Raises Invalid."""
    wrong = [key for key, value in child.env.items() if not key or "=" in key or "\0" in key or "\0" in value]
    if wrong:
        message = f"{wrong[0]!r} cannot be a variable: names have no '=' and nothing has a NUL character."
        raise Invalid(message, (FieldError(field="env", message=message),))
    shell = _shell()
    program, argv = None, list(child.argv or ())
    if child.shell_command is not None:
        argv = [shell, "-c", child.shell_command]
    elif child.argv is None:
        program, argv = shell, [f"-{os.path.basename(shell)}"]
    if not argv or any("\0" in argument for argument in argv):
        message = "A program and its arguments are needed, without NUL characters."
        raise Invalid(message, (FieldError(field="argv", message=message),))
    env = child.env | ({"TERM": child.terminal.term} if child.terminal is not None else {})
    return {"argv": argv, "program": program, "env": env, "terminal": child.terminal is not None, "name": child.name}


def _shell() -> str:
    """The user's own, as a login would start it; for accounts that have none, the system's."""
    try:
        shell = pwd.getpwuid(os.getuid()).pw_shell
    except KeyError:
        return _SHELL
    usable = os.access(shell, os.X_OK) and os.path.basename(shell) not in _NO_SHELLS
    return shell if usable else _SHELL


def _descriptors(child: Child) -> tuple[dict[str, int], list[int]]:
    """The caller's ends, and the child's."""
    if child.terminal is not None:
        mine, theirs = os.openpty()
        set_size(mine, child.terminal)
        return {"terminal": mine}, [theirs]
    if child.name is not None:
        return {}, []
    stdin, stdout, stderr = (os.pipe2(os.O_CLOEXEC) for _ in range(3))
    return {"stdin": stdin[1], "stdout": stdout[0], "stderr": stderr[0]}, [stdin[0], stdout[1], stderr[1]]


def set_size(terminal: int, size: Terminal) -> None:
    termios.tcsetwinsize(terminal, (size.rows, size.columns))


def _not_running(run_id: str) -> Conflict:
    return Conflict("The job has no run here that one could come into.", details={"code": "run_not_running"})


def _not_listening(port: int) -> Conflict:
    message = f"Nothing in the job listens on port {port} yet. Start a program that does, and try again."
    return Conflict(message, details={"code": "not_listening"})
