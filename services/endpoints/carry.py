"""Carries what a child inside a run reads and writes, from and to somebody who is connected by whatever way."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import ExitStack, closing

from services.endpoints.descriptor import Descriptor
from shared.streams.process import Exit, Process

LAST_WORDS_S = 1.0
"""How long the end of a terminal on another machine may take to arrive after the child's own: it comes another way."""

Read = Callable[[], Awaitable[bytes]]
"""What comes next for the child; nothing when there will be no more."""
Write = Callable[[bytes], Awaitable[None]]
"""Takes a piece; returns when there may be another."""


async def carry(process: Process, read: Read, write: Write, write_error: Write) -> Exit:
    """Until the child has ended and all that it wrote was taken; how it ended. Lets go of the child.

    Raises a group of what the callables raise, and of Unavailable when nobody can say how the child ended. Without a
    terminal the output ends when the last of the child's own children has closed it, as with any SSH server. With
    one it ends with the child: what it left running there ends with the connection.
    """
    with closing(process), ExitStack() as stack:
        terminal, stdin, stdout, stderr = (
            None if number is None else stack.enter_context(Descriptor(number))
            for number in (process.terminal, process.stdin, process.stdout, process.stderr)
        )
        async with asyncio.TaskGroup() as group:
            if terminal is not None:
                feeding = group.create_task(_feed(terminal, read))
                taking = [group.create_task(_take(terminal, write))]
            else:
                assert stdin is not None and stdout is not None and stderr is not None
                feeding = group.create_task(_feed_to_the_end(stdin, read))
                taking = [group.create_task(_take(stdout, write)), group.create_task(_take(stderr, write_error))]
            ended = await process.ended()
            if terminal is not None and process.terminal is not None:
                if not os.isatty(process.terminal):
                    await asyncio.wait(taking, timeout=LAST_WORDS_S)
                terminal.finish()
            await asyncio.wait(taking)
            feeding.cancel()
    return ended


async def _take(source: Descriptor, write: Write) -> None:
    while data := await source.read():
        await write(data)


async def _feed(target: Descriptor, read: Read) -> None:
    """What comes after the child has stopped reading is dropped, so that it never blocks who sends it."""
    takes = True
    while data := await read():
        if takes:
            try:
                await target.write(data)
            except OSError:
                takes = False


async def _feed_to_the_end(target: Descriptor, read: Read) -> None:
    await _feed(target, read)
    target.close()
