"""A descriptor of a child or of a connection into a run, read and written by coroutines.

Nothing is kept here: who reads decides when the next piece is taken, so that a slow reader at one end slows the writer
at the other, and a gigabyte passes through a few pieces of memory.
"""

import asyncio
import os
import socket
from contextlib import suppress
from typing import Self

from shared.streams import files

PIECE = 1 << 17


class Descriptor:
    """Owns a pipe's end, a socket or a terminal's master; close it after the coroutines that use it have ended."""

    def __init__(self, number: int) -> None:
        os.set_blocking(number, False)
        self._number = number
        self._closed = False
        self._finishing = False
        self._ready = asyncio.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Whoever reads the other end finds that there is no more."""
        if not self._closed:
            self._closed = True
            os.close(self._number)

    async def read(self) -> bytes:
        """What there is, at most PIECE bytes; nothing at the end."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                data = os.read(self._number, PIECE)
            except BlockingIOError:
                if self._finishing:
                    return b""
                await files.ready(loop.add_reader, loop.remove_reader, self._number, self._ready)
                self._ready.clear()
                continue
            except OSError:  # a terminal whose other end is gone, a connection that was reset
                return b""
            await asyncio.sleep(0)  # others have their turn, also while there is always more
            return data

    async def write(self, data: bytes) -> None:
        """All of it. Raises OSError when nobody reads it any more."""
        await files.write(self._number, data)

    def end_writing(self) -> None:
        """A connection: there will be no more this way, while the other goes on."""
        with socket.socket(fileno=os.dup(self._number)) as connection, suppress(OSError):
            connection.shutdown(socket.SHUT_WR)

    def finish(self) -> None:
        """Who writes is gone: what there is now is all there will be."""
        self._finishing = True
        self._ready.set()
