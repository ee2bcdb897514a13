"""Reading and writing descriptors of any kind inside the event loop, and passing them on: no byte is buffered here."""

import asyncio
import errno
import os
import socket
from collections.abc import Callable, Sequence
from pathlib import Path

CHUNK = 1 << 16


async def ready(
    add: Callable[..., object], remove: Callable[[int], object], file: int, there: asyncio.Event | None = None
) -> None:
    """Wait until the loop says so, or somebody else who sets `there`."""
    there = there or asyncio.Event()
    add(file, there.set)
    try:
        await there.wait()
    finally:
        remove(file)


async def readable(file: int) -> None:
    loop = asyncio.get_running_loop()
    await ready(loop.add_reader, loop.remove_reader, file)


async def writable(file: int) -> None:
    loop = asyncio.get_running_loop()
    await ready(loop.add_writer, loop.remove_writer, file)


async def read(file: int, size: int = CHUNK) -> bytes:
    """What has arrived on a descriptor that does not block; nothing at its end. Raises OSError."""
    while True:
        try:
            return os.read(file, size)
        except BlockingIOError:
            await readable(file)
        except OSError as error:
            if error.errno == errno.EIO:  # a terminal that nobody has open any more
                return b""
            raise


async def write(file: int, data: bytes) -> None:
    """All of it. Raises OSError."""
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(file, rest) :]
        except BlockingIOError:
            await writable(file)


async def send_line(connection: socket.socket, line: bytes, files: Sequence[int] = ()) -> None:
    """A line, and descriptors beside it. Raises OSError.

    Whoever got the whole of it may be gone by the time this returns: then not even nothing can be sent any more.
    """
    rest = line[socket.send_fds(connection, [line], files) :] if files else line
    if rest:
        await asyncio.get_running_loop().sock_sendall(connection, rest)


async def read_line(connection: socket.socket, limit: int) -> bytes:
    """One line and not a byte of what follows it. Raises ConnectionResetError if none comes, ValueError if too long."""
    line = b""
    while not line.endswith(b"\n"):
        await readable(connection.fileno())
        seen = connection.recv(CHUNK, socket.MSG_PEEK)
        taken = connection.recv(seen.find(b"\n") + 1 or len(seen)) if seen else b""
        if not taken:
            raise ConnectionResetError("the connection ended before the line did")
        line += taken
        if len(line) > limit:
            raise ValueError("the line is too long")
    return line


async def read_line_and_files(connection: socket.socket, limit: int, most: int) -> tuple[bytes, list[int]]:
    """One line, and the descriptors that came with it, `most` of them: the caller closes them. Raises as `read_line`.

    Whoever sends may send a descriptor with each byte, so `most` is for all of the line. Raises ValueError when more
    came, OSError when there was no descriptor left to take one with.
    """
    line, files = b"", list[int]()
    try:
        while not line.endswith(b"\n"):
            await readable(connection.fileno())
            room = most - len(files)
            data, more, flags, _ = socket.recv_fds(connection, CHUNK, room)
            for file in more:
                os.set_inheritable(file, False)
            files += more
            line += data
            if flags & socket.MSG_CTRUNC:  # the kernel has closed what it could not pass on
                if len(more) < room:
                    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
                raise ValueError("more descriptors came than belong to the line")
            if not data:
                raise ConnectionResetError("the connection ended before the line did")
            if len(line) > limit:
                raise ValueError("the line is too long")
    except BaseException:
        for file in files:
            os.close(file)
        raise
    return line, files


def beside(folder: Path, name: str) -> tuple[int, str]:
    """A path for a Unix socket in this folder, of any depth: `sun_path` ends at 107 bytes. Raises OSError.

    It is good until the descriptor, which is the caller's to close, is closed.
    """
    file = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    return file, f"/proc/self/fd/{file}/{name}"
