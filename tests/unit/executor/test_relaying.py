"""Bytes that a supervisor carries between a program and its caller, until both have said all, or one is gone."""

import contextlib
import os
import select
import socket
from collections.abc import Callable, Iterator

import pytest

from services.executor.backends.docker.relaying import Relays


class Loop:
    """A supervisor's, with one relay: `caller` and `program` are at its two ends."""

    def __init__(self) -> None:
        self.poll = select.poll()
        self.relays = Relays(self.poll)
        self.caller, near = socket.socketpair()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            far = socket.create_connection(listener.getsockname())
            self.program, _ = listener.accept()
        self.caller.setblocking(False)
        self.program.setblocking(False)
        self.relays.begin(near, far)

    def until(self, condition: Callable[[], bool]) -> None:
        """Carry for as long as it takes. What is waited for without end would be a loop that stands still."""
        while not condition():
            ready = self.poll.poll(10_000)
            assert ready, "nothing moves"
            for file, _ in ready:
                self.relays.move(file)

    def stands(self) -> bool:
        """Whether nothing is left to be done, so that the loop sleeps."""
        for _ in range(1000):
            ready = self.poll.poll(50)
            if not ready:
                return True
            for file, _ in ready:
                self.relays.move(file)
        return False

    def hears(self, end: socket.socket, size: int) -> bytes:
        """So many bytes, or all until the end."""
        heard, ended = bytearray(), False

        def all_there() -> bool:
            nonlocal ended
            with contextlib.suppress(BlockingIOError):
                while not ended and len(heard) < size:
                    data = end.recv(1 << 20)
                    heard.extend(data)
                    ended = not data
            return ended or len(heard) >= size

        self.until(all_there)
        return bytes(heard)

    def over(self) -> bool:
        return len(self.relays) == 0


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.caller.close()
    loop.program.close()
    loop.until(loop.over)


def send_all_there_is_room_for(end: socket.socket, loop: Loop) -> bytes:
    """Until nobody takes any more."""
    sent, before = bytearray(), -1
    while len(sent) > before:
        before = len(sent)
        with contextlib.suppress(BlockingIOError):
            while True:
                piece = os.urandom(1 << 16)
                sent += piece[: end.send(piece)]
        assert loop.stands()
    return bytes(sent)


def test_each_side_may_end_what_it_says_and_go_on_hearing(loop: Loop) -> None:
    loop.caller.send(b"question")
    loop.caller.shutdown(socket.SHUT_WR)
    assert loop.hears(loop.program, 100) == b"question"
    assert loop.stands() and not loop.over()
    loop.program.send(b"answer")
    loop.program.close()
    assert loop.hears(loop.caller, 100) == b"answer"
    loop.until(loop.over)


@pytest.mark.parametrize("program", [False, True])
def test_whoever_does_not_take_what_comes_holds_up_who_sends_and_the_loop_sleeps(loop: Loop, program: bool) -> None:
    sender, other = (loop.program, loop.caller) if program else (loop.caller, loop.program)
    sent = send_all_there_is_room_for(sender, loop)
    assert loop.stands() and not loop.over()
    sender.shutdown(socket.SHUT_WR)
    assert loop.hears(other, len(sent) + 1) == sent


@pytest.mark.parametrize("said_its_end", [False, True])
@pytest.mark.parametrize("program", [False, True])
def test_when_one_has_gone_nothing_is_left(loop: Loop, program: bool, said_its_end: bool) -> None:
    goes = loop.program if program else loop.caller
    if said_its_end:
        goes.shutdown(socket.SHUT_WR)
        assert loop.stands() and not loop.over()
    if program:  # it is reset: one that only closes may still be told something
        loop.program.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    goes.close()
    loop.until(loop.over)
    assert loop.poll.poll(0) == []


def test_what_somebody_said_who_has_gone_still_arrives(loop: Loop) -> None:
    sent = send_all_there_is_room_for(loop.caller, loop)
    loop.caller.close()
    assert loop.stands()
    assert loop.hears(loop.program, len(sent) + 1) == sent
    loop.until(loop.over)
