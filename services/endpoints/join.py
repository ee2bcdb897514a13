"""Joins a connection into a run with somebody outside, both ways, until both have ended or one end is gone."""

import asyncio
import socket
from collections.abc import Awaitable, Callable

from services.endpoints.carry import Read, Write
from services.endpoints.descriptor import Descriptor


async def join(connection: socket.socket, read: Read, write: Write, end: Callable[[], Awaitable[None]]) -> None:
    """Closes the connection. `end` says that the run's program sends no more; the other way may go on after it.

    What `read`, `write` and `end` raise ends it, as a group.
    """
    with Descriptor(connection.detach()) as inside:
        async with asyncio.TaskGroup() as group:
            group.create_task(_in(inside, read))
            group.create_task(_out(inside, write, end))


async def _in(inside: Descriptor, read: Read) -> None:
    while data := await read():
        await inside.write(data)
    inside.end_writing()


async def _out(inside: Descriptor, write: Write, end: Callable[[], Awaitable[None]]) -> None:
    while data := await inside.read():
        await write(data)
    await end()
