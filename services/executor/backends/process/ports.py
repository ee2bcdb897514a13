"""Connections to the ports of a run: to sockets that its own processes hold, on this machine, and to nothing else.

Looked at before connecting and again after it, since a port may change hands in between.
"""

import asyncio
import socket
from collections.abc import Callable, Iterable

from services.executor.backends.process import linux, listeners
from services.executor.backends.process.listeners import Address, Listener
from services.executor.backends.process.supervisors import supervisor_of
from services.executor.backends.protocol import PortTaken
from shared.contracts.endpoints import PORTS
from shared.contracts.errors import Conflict, FieldError, Invalid, Unavailable

CONNECT_S = 5.0

Neighbours = Callable[[], Iterable[tuple[str, int]]]
"""The runs that live here: (run id, its supervisor's pid)."""


class Ports:
    """Of the runs whose files begin with `<runs>/<run id>`."""

    def __init__(self, runs: str, boot_id: str, neighbours: Neighbours) -> None:
        self._runs = runs
        self._boot_id = boot_id
        self._neighbours = neighbours

    async def dial(self, run_id: str, port: int) -> socket.socket:
        """See `protocol.Backend.dial`."""
        require_port(port)
        target, inodes = await asyncio.to_thread(self._target, run_id, port)
        connection = socket.socket(socket.AF_INET if target.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
        try:
            connection.setblocking(False)
            async with asyncio.timeout(CONNECT_S):
                await asyncio.get_running_loop().sock_connect(connection, (str(target), port))
            if await asyncio.to_thread(self._target, run_id, port) != (target, inodes):
                raise not_listening(port)
        except TimeoutError as error:
            connection.close()
            raise Unavailable(f"The job's program on port {port} accepts no connection. Try again.") from error
        except OSError as error:
            connection.close()
            raise not_listening(port) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _target(self, run_id: str, port: int) -> tuple[Address, frozenset[int]]:
        """An address that only processes of this run can answer at, and their sockets. Raises Conflict."""
        supervisor = supervisor_of(f"{self._runs}/{run_id}", self._boot_id)
        found = listeners.on_port(port)
        own = listeners.held({each.inode for each in found}, linux.descendants(supervisor.pid)) if found else set()
        for listener in found:
            if listener.inode in own and listeners.is_local(listener.target):
                hearing = frozenset(each.inode for each in found if each.hears(listener.target))
                if hearing <= own:
                    return listener.target, hearing
        others = [listener for listener in found if listener.inode not in own]
        if others:
            raise self._taken(run_id, port, others)
        raise not_listening(port)

    def _taken(self, run_id: str, port: int, others: list[Listener]) -> PortTaken:
        inodes = {listener.inode for listener in others}
        for other, pid in self._neighbours():
            if other != run_id and listeners.held(inodes, linux.descendants(pid)):
                return PortTaken(port, other)
        return PortTaken(port, None)


def require_port(port: int) -> None:
    """Raises Invalid for one that is no job's."""
    if not PORTS[0] <= port <= PORTS[1]:
        message = f"A job's ports are those from {PORTS[0]} to {PORTS[1]}."
        raise Invalid(message, (FieldError(field="port", message=message),))


def not_listening(port: int) -> Conflict:
    message = f"Nothing in the job listens on port {port} yet. Start a program that does, and try again."
    return Conflict(message, details={"code": "not_listening"})
