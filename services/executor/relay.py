"""Streams to another machine: what a run has opened here, copied to and from connections of the doorway.

Each direction holds one piece of at most 64 KiB: whoever does not take it holds up whoever sends it. Closing one half
is passed on, and so is the end.
"""

import asyncio
import contextlib
import json
import os
import select
import socket
import termios

from shared.contracts.streams import Terminal
from shared.streams.files import read, write

LOOK_S = 1.0
"""Between two looks at whether somebody who sends no more is still there."""
_LINE_BYTES = 65_536


async def copy(source: int, target: int) -> None:
    """Until there is nothing more to copy, or nobody who takes it."""
    with contextlib.suppress(OSError):
        await _copy(source, target)


async def _copy(source: int, target: int) -> None:
    """Until there is nothing more to copy. Raises OSError when one end is gone."""
    while data := await read(source):
        await write(target, data)


async def both_ways(near: socket.socket, far: socket.socket) -> None:
    """Two connections as one, until both directions have ended, or one of the two is there no more.

    Whoever has ended one direction may wait for the other as long as they like, but not after they have gone: their
    machine says so when it is asked whether they are there (`keep_alive`).
    """
    ended = {near: asyncio.Event(), far: asyncio.Event()}

    async def one_way(source: socket.socket, target: socket.socket) -> None:
        await _copy(source.fileno(), target.fileno())
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_WR)
        ended[source].set()
        while not ended[target].is_set():
            if _is_gone(source):
                raise ConnectionResetError
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended[target].wait(), LOOK_S)

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(one_way(near, far))
            group.create_task(one_way(far, near))
    except* OSError:
        pass  # one of the two is gone, and so is what the other could wait for


def _is_gone(connection: socket.socket) -> bool:
    """Whether it was reset; one of which one direction has ended is not."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(0))


async def stream(name: str, file: int, far: socket.socket) -> None:
    """One stream of a child. A terminal's output says when it ends: its input has no end of its own."""
    os.set_blocking(file, False)
    if name == "stdin":
        await copy(far.fileno(), file)
    elif name == "terminal":
        typing = asyncio.create_task(copy(far.fileno(), file))
        await copy(file, far.fileno())
        typing.cancel()
        await asyncio.gather(typing, return_exceptions=True)
    else:
        await copy(file, far.fileno())


async def control(near: socket.socket, far: socket.socket, terminal: int | None) -> None:
    """A child's control: its end goes out; signals come in, and the terminal's size, which is set here."""
    telling = asyncio.create_task(copy(near.fileno(), far.fileno()))
    hearing = asyncio.create_task(_hear(near, far, terminal))
    try:
        await asyncio.wait((telling, hearing), return_when=asyncio.FIRST_COMPLETED)
    finally:
        telling.cancel()
        hearing.cancel()
        await asyncio.gather(telling, hearing, return_exceptions=True)


async def _hear(near: socket.socket, far: socket.socket, terminal: int | None) -> None:
    rest = b""
    with contextlib.suppress(OSError, ValueError):
        while data := await read(far.fileno()):
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > _LINE_BYTES:
                return
            for line in lines:
                message = json.loads(line)
                if "resize" not in message:
                    await write(near.fileno(), line + b"\n")
                elif terminal is not None:
                    columns, rows = message["resize"]
                    size = Terminal(columns=columns, rows=rows)
                    termios.tcsetwinsize(terminal, (size.rows, size.columns))
