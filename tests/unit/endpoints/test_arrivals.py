"""Connections to the door: strangers take few, and not for long; and what one user, and one run, may have."""

import asyncio
import errno
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from services.endpoints.domain.room import room
from services.endpoints.domain.shares import Shares
from services.endpoints.door.arrivals import Arrivals, known, let_in
from services.endpoints.door.dialler import Dialler
from shared.contracts.errors import Unavailable
from shared.streams.client import RunAt

REQUEST = b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n"
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _answer(request: web.Request) -> web.Response:
    if request.path != "/stranger":
        let_in(request, request.path)
    return web.Response(text="hello")


@asynccontextmanager
async def listening(arrivals: Arrivals, at: socket.socket | None = None) -> AsyncIterator[int]:
    """A server that takes whom `arrivals` take; its port."""
    app = web.Application(middlewares=[known])
    app.router.add_get("/{any}", _answer)
    runner = web.AppRunner(app)
    await runner.setup()
    assert runner.server is not None
    bound = at or socket.create_server(("127.0.0.1", 0))
    bound.setblocking(False)
    accepting = asyncio.create_task(arrivals.accept(bound, runner.server, access_log=None))
    try:
        yield bound.getsockname()[1]
    finally:
        accepting.cancel()
        await asyncio.wait((accepting,))
        await runner.cleanup()
        bound.close()


@pytest.fixture
async def clients() -> AsyncGenerator[list[asyncio.StreamWriter]]:
    opened: list[asyncio.StreamWriter] = []
    yield opened
    for writer in opened:
        writer.close()


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, who: bytes) -> bytes:
    writer.write(REQUEST % who)
    head = await reader.readuntil(b"\r\n\r\n")
    assert await reader.readexactly(5) == b"hello"
    return head


async def test_strangers_of_one_address_have_so_many_connections_and_who_is_let_in_is_none(
    clients: list[asyncio.StreamWriter],
) -> None:
    async with listening(Arrivals(Shares(9, 2), Shares(9, 9))) as port:

        async def come() -> Streams:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            clients.append(writer)
            return reader, writer

        silent, first = await come(), await come()
        assert b"close" not in await ask(*first, b"ada")
        second = await come()
        refused, _ = await come()
        assert await refused.read() == b""
        assert b"Connection: close" in await ask(*second, b"stranger")
        assert await second[0].read() == b""
        assert b"close" not in await ask(*await come(), b"ada")
        assert b"close" not in await ask(*silent, b"ada")


async def test_a_trusted_proxy_has_no_share_of_its_own(clients: list[asyncio.StreamWriter]) -> None:
    async with listening(Arrivals(Shares(3, 1), Shares(9, 9), proxies=("127.0.0.1",))) as port:
        clients += [(await asyncio.open_connection("127.0.0.1", port))[1] for _ in range(3)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        clients.append(writer)
        assert await reader.read() == b""


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: 127"])
async def test_who_says_nothing_whole_is_cut(clients: list[asyncio.StreamWriter], sent: bytes) -> None:
    async with listening(Arrivals(Shares(9, 9), Shares(9, 9), head_s=0.01)) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        clients.append(writer)
        writer.write(sent)
        assert await reader.read() == b""


async def test_one_user_keeps_so_many_connections_for_later(clients: list[asyncio.StreamWriter]) -> None:
    async with listening(Arrivals(Shares(9, 9), Shares(9, 1))) as port:
        for who, kept in ((b"ada", True), (b"ada", False), (b"bob", True)):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            clients.append(writer)
            await ask(reader, writer, who)
            if kept:
                await ask(reader, writer, who)
            else:
                assert await reader.read() == b""


class Exhausted(socket.socket):
    """No descriptors are left the first time."""

    tries = 0

    def accept(self) -> tuple[socket.socket, Any]:
        self.tries += 1
        if self.tries == 1:
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


async def test_without_descriptors_nobody_is_taken_for_a_while_and_then_again(
    clients: list[asyncio.StreamWriter],
) -> None:
    bound = Exhausted()
    bound.bind(("127.0.0.1", 0))
    bound.listen()
    async with listening(Arrivals(Shares(9, 9), Shares(9, 9), pause_s=0.01), bound) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        clients.append(writer)
        await ask(reader, writer, b"ada")
        assert bound.tries <= 4, "each try but the failed one waits for somebody to come"


def test_strangers_leave_most_descriptors_to_others() -> None:
    for descriptors in (256, 1024, 20_000, 1 << 20):
        planned = room(descriptors)
        assert 2 <= planned.of_one_address < planned.strangers <= descriptors // 8
        assert planned.strangers + planned.kept < descriptors // 2
    assert room(-1) == room(1 << 20)


async def test_a_run_has_so_many_dials_under_way_and_others_are_not_concerned() -> None:
    gate = asyncio.Event()

    async def dial(run: RunAt, port: int) -> socket.socket:
        await gate.wait()
        return socket.socket()

    dialler, mine, other = Dialler(dial, most=3, most_of_one=2), RunAt("a", 1, "n", 0), RunAt("b", 1, "n", 0)
    waiting = [asyncio.ensure_future(dialler(mine, 80)) for _ in range(2)]
    await asyncio.sleep(0)
    with pytest.raises(Unavailable, match="at once"):
        await dialler(mine, 81)
    waiting.append(asyncio.ensure_future(dialler(other, 80)))
    await asyncio.sleep(0)
    gate.set()
    for connected in await asyncio.gather(*waiting):
        connected.close()
    (await dialler(mine, 81)).close()
