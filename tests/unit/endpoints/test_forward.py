"""Forwarded connections: what they hold in the job goes with them, and nobody opens more than so many at once."""

import asyncio
import contextlib
import select
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import asyncssh
import pytest

from services.endpoints.bastion.visitor import CHANNELS, Visitor
from services.endpoints.domain.document import RunPlace
from services.endpoints.domain.strangers import Strangers
from services.endpoints.guard import Guard, Pass
from services.endpoints.watch import Cut
from shared.contracts.endpoints import Admit, Admitted, EndpointStatus
from shared.contracts.errors import Conflict
from shared.streams.client import RunAt, Streams
from tests.support.endpoints import JOB, endpoint
from tests.support.waiting import until

RUN = RunPlace(attempt=1, executor="local")


class OpenGuard(Guard):
    """Lets everybody in."""

    def __init__(self) -> None:
        self.cuts: list[Cut] = []

    async def admit(self, ask: Admit) -> Admitted:
        return Admitted(user="ada", credential="key")

    async def enter(self, ask: Admit, name: str) -> Pass:
        return Pass(
            "ada", "key", endpoint(status=EndpointStatus.READY, run=RUN), RUN, since=0.0, token=None, key="laptop"
        )

    @contextlib.contextmanager
    def hold(self, passed: Pass, cut: Cut, address: str) -> Iterator[None]:
        self.cuts.append(cut)
        yield


class Inside(Streams):
    """Programs of the job that neither read nor close; connections come once `open` is set."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.open.set()
        self.ends: list[socket.socket] = []
        self.dials = 0
        self.refusal: Conflict | None = None

    async def dial(self, run: RunAt, port: int) -> socket.socket:
        self.dials += 1
        await self.open.wait()
        if self.refusal is not None:
            raise self.refusal
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setblocking(False)
        self.ends.append(theirs)
        return ours

    def left(self) -> int:
        """How many of the connections into the job are still held."""
        return sum(not _is_closed(end) for end in self.ends)


def _is_closed(end: socket.socket) -> bool:
    """Not merely ended in one direction; nothing is sent, from which the other side would learn something."""
    poll = select.poll()
    poll.register(end, 0)
    return bool(poll.poll(0))


class Bastion:
    """A server whose visitors are all let in."""

    def __init__(self) -> None:
        self.guard = OpenGuard()
        self.inside = Inside()
        self.port = 0

    def visitor(self) -> Visitor:
        return Visitor(self.guard, self.inside, Strangers(100, 100), lambda *_: None, lambda _: None)

    @asynccontextmanager
    async def client(self) -> AsyncIterator[asyncssh.SSHClientConnection]:
        key = asyncssh.generate_private_key("ssh-ed25519")
        async with asyncssh.connect(
            "127.0.0.1", self.port, username=JOB, client_keys=[key], known_hosts=None, config=None
        ) as client:
            yield client


@pytest.fixture
async def bastion() -> AsyncIterator[Bastion]:
    one = Bastion()
    key = asyncssh.generate_private_key("ssh-ed25519")
    acceptor = await asyncssh.listen("127.0.0.1", 0, server_factory=one.visitor, server_host_keys=[key], encoding=None)
    one.port = acceptor.sockets[0].getsockname()[1]
    yield one
    acceptor.close()
    await acceptor.wait_closed()
    for end in one.inside.ends:
        end.close()


async def test_a_program_that_never_closes_keeps_no_connection_once_the_client_has_closed(bastion: Bastion) -> None:
    async with bastion.client() as client:
        for _ in range(CHANNELS + 5):
            _, writer = await client.open_connection("localhost", 8000, encoding=None)
            writer.write(b"hi")
            writer.channel.abort()
            await until(lambda: bastion.inside.left() == 0, "it was let go of")
        assert bastion.inside.dials == CHANNELS + 5


async def test_what_a_client_has_sent_before_it_closed_arrives(bastion: Bastion) -> None:
    async with bastion.client() as client:
        _, writer = await client.open_connection("localhost", 8000, encoding=None)
        writer.write(b"x" * (1 << 20))
        writer.close()
        [end] = bastion.inside.ends
        got = 0
        while data := await asyncio.get_running_loop().sock_recv(end, 1 << 16):
            got += len(data)
    assert got == 1 << 20


async def test_what_is_open_goes_with_the_connection_and_with_the_guards_cut(bastion: Bastion) -> None:
    async with bastion.client() as client:
        for _ in range(3):
            await client.open_connection("localhost", 8000, encoding=None)
        assert bastion.inside.left() == 3
    await until(lambda: bastion.inside.left() == 0, "they went with the client")
    with suppress(asyncssh.Error, OSError):
        async with bastion.client() as client:
            await client.open_connection("localhost", 8000, encoding=None)
            bastion.guard.cuts[-1]("over")
            await until(lambda: bastion.inside.left() == 0, "it was cut")
    assert bastion.inside.left() == 0


async def test_a_client_dials_no_more_at_once_than_it_may_have_open(bastion: Bastion) -> None:
    bastion.inside.open.clear()
    async with bastion.client() as client:

        async def one() -> bool:
            try:
                await client.open_connection("localhost", 8000, encoding=None)
            except asyncssh.ChannelOpenError:
                return False
            return True

        tries = [asyncio.create_task(one()) for _ in range(CHANNELS + 20)]
        await until(lambda: sum(each.done() for each in tries) == 20, "those too many were refused")
        assert bastion.inside.dials == CHANNELS
        bastion.inside.refusal = Conflict("Nothing listens there.")
        bastion.inside.open.set()
        assert not any(await asyncio.gather(*tries))
        bastion.inside.refusal = None
        assert await one(), "what came to nothing has made room"
