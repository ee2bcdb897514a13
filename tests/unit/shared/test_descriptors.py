"""A line that brings descriptors brings no more than belong to it, and none of them stays open that nobody has."""

import errno
import os
import resource
import socket
from collections.abc import Iterator

import pytest

from shared.streams.files import read_line_and_files

LINE = b'{"pid": 7}\n'


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    near, far = socket.socketpair()
    near.setblocking(False)
    with near, far:
        yield near, far


def open_files() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


def send_one_by_one(far: socket.socket, many: int, line: bytes = LINE) -> None:
    """A space and a descriptor, so many times, and then the line."""
    null = os.open("/dev/null", os.O_RDONLY)
    for _ in range(many):
        socket.send_fds(far, [b" "], [null])
    far.sendall(line)
    os.close(null)


async def test_what_belongs_to_a_line_may_come_in_pieces(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    send_one_by_one(far, 3)
    line, files = await read_line_and_files(near, 100, 3)
    assert (line, len(files)) == (b"   " + LINE, 3)
    assert not any(os.get_inheritable(file) for file in files)
    for file in files:
        os.close(file)


@pytest.mark.parametrize("line", [LINE, b""])
@pytest.mark.parametrize("most", [1, 4])
async def test_more_than_belong_to_a_line_are_refused_and_closed(
    ends: tuple[socket.socket, socket.socket], most: int, line: bytes
) -> None:
    near, far = ends
    before = open_files()
    send_one_by_one(far, most + 1, line)
    with pytest.raises(ValueError, match="more descriptors"):
        await read_line_and_files(near, 100, most)
    assert open_files() == before


async def test_more_than_belong_to_a_line_are_refused_also_at_once(ends: tuple[socket.socket, socket.socket]) -> None:
    near, far = ends
    before = open_files()
    socket.send_fds(far, [LINE], [0, 0])
    with pytest.raises(ValueError, match="more descriptors"):
        await read_line_and_files(near, 100, 1)
    assert open_files() == before


async def test_a_lack_of_descriptors_is_not_taken_for_a_line_that_brings_too_few(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    near, far = ends
    send_one_by_one(far, 2)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    before = open_files()
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, hard))
        with pytest.raises(OSError, match=os.strerror(errno.EMFILE)):
            await read_line_and_files(near, 100, 2)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert open_files() == before
