"""Whoever comes in through a run's control socket, and those who have to wait outside."""

import os
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.executor.backends.process import marks
from services.executor.backends.process.callers import CONNECTIONS, SPARE, Callers
from services.executor.backends.process.control import Connection


class Door:
    """A run's control socket, with the poll of its supervisor."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.poll = select.poll()
        self.callers = Callers(self.poll, str(folder), os.getcwd())
        self.callers.open()

    def come(self) -> socket.socket:
        caller = socket.socket(socket.AF_UNIX)
        caller.connect(str(self.folder / marks.CONTROL))
        return caller

    def ready(self) -> list[int]:
        return [file for file, _ in self.poll.poll(0)]

    def inside(self) -> list[Connection]:
        """Everybody who has come in, and has not left."""
        found = (self.callers.at(int(file)) for file in os.listdir("/proc/self/fd"))
        return [connection for connection in found if connection is not None]

    def let_in(self) -> int:
        """How many come in now."""
        count = 0
        while any(self.callers.let_in(file) for file in self.ready()):
            count += 1
        return count


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path)
    yield door
    for connection in door.inside():
        door.callers.drop(connection)
    door.callers.close()


def test_whoever_comes_in_is_heard_until_they_are_parted_with(door: Door) -> None:
    with door.come() as caller:
        assert door.let_in() == 1
        caller.sendall(b'{"stop": true}\n')
        [file] = door.ready()
        connection = door.callers.at(file)
        assert connection is not None and connection.receive() == [{"stop": True}]
        connection.say({"exit": 0})
        assert caller.recv(99) == b'{"exit": 0}\n'
        assert (door.callers.drop(connection), door.callers.drop(connection)) == (True, False)
        assert (caller.recv(1), door.callers.at(file)) == (b"", None)


def test_so_many_come_in_and_the_next_when_one_of_them_leaves(door: Door) -> None:
    with ExitStack() as callers:
        for _ in range(CONNECTIONS + SPARE):
            callers.enter_context(door.come())
            assert door.let_in() == 1
        callers.enter_context(door.come())
        assert door.ready() == [], "nobody is looked for at the door"
        door.callers.drop(door.inside()[0])
        assert door.let_in() == 1


def test_somebody_who_has_gone_is_told_nothing_and_harms_nobody(door: Door) -> None:
    door.come().close()
    assert door.let_in() == 1
    [file] = door.ready()
    connection = door.callers.at(file)
    assert connection is not None
    connection.say({"exit": 0})
    with pytest.raises(ConnectionError):
        connection.receive()


def test_the_door_is_opened_again_when_its_folder_could_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "ways").write_text("in the way")
    callers = Callers(select.poll(), str(tmp_path / "ways"), os.getcwd())
    callers.open()
    (tmp_path / "ways").unlink()
    callers.open()
    assert (tmp_path / "ways" / marks.CONTROL).is_socket()
    callers.close()
