"""Two connections as one: they end together, whichever way one of them goes."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from services.executor import relay
from shared.streams.alive import keep_alive
from tests.support.waiting import until


@dataclass
class Relayed:
    """A program of a job, which says nothing by itself, and a client on another machine."""

    program: socket.socket
    client: socket.socket
    task: asyncio.Task[None]

    def reset(self) -> None:
        """The client is gone without a word."""
        self.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.client.close()


def tcp() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname())
        other, _ = listener.accept()
    for end in (one, other):
        end.setblocking(False)
    return one, other


@pytest.fixture
async def relayed() -> AsyncIterator[Relayed]:
    program, near = tcp()
    client, far = tcp()
    task = asyncio.create_task(relay.both_ways(near, far))
    yield Relayed(program, client, task)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    for end in (program, near, client, far):
        end.close()


async def received(end: socket.socket) -> bytes:
    return await asyncio.get_running_loop().sock_recv(end, 100)


async def test_a_client_that_was_reset_ends_it_while_the_program_is_silent(relayed: Relayed) -> None:
    relayed.client.send(b"hello")
    assert await received(relayed.program) == b"hello"
    relayed.reset()
    await until(relayed.task.done, "it has ended")
    assert relayed.task.exception() is None


async def test_so_does_one_that_had_ended_its_own_direction_before(relayed: Relayed) -> None:
    relayed.client.shutdown(socket.SHUT_WR)
    assert await received(relayed.program) == b""
    relayed.reset()
    await until(relayed.task.done, "it has ended")


async def test_whoever_has_ended_one_direction_gets_all_of_the_other(relayed: Relayed) -> None:
    relayed.client.shutdown(socket.SHUT_WR)
    assert await received(relayed.program) == b""
    await asyncio.sleep(2 * relay.LOOK_S)
    relayed.program.send(b"late")
    assert await received(relayed.client) == b"late"
    relayed.program.close()
    assert await received(relayed.client) == b""
    await until(relayed.task.done, "both have ended")


async def test_the_machine_is_asked_whether_its_end_is_still_there() -> None:
    one, other = tcp()
    with one, other:
        keep_alive(one)
        assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) <= 60
