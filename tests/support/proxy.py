"""A TCP proxy between clients and one server, which delays, freezes, or swallows the server's replies.

It works in its own thread, so plain code can drive it while services talk through it.
"""

import asyncio
import contextlib
import threading
from types import TracebackType
from typing import Self

from tests.support.ports import free_port

PIECE = 65_536


class Proxy:
    """Listens on a port of its own; `with` starts and ends it."""

    def __init__(self, target: int, host: str = "127.0.0.1") -> None:
        """`target`: the server's port."""
        self.port = free_port()
        self.delay_s = 0.0
        """Added to everything that passes, either way."""
        self.swallowed = 0
        """Replies that never reached their client."""
        self._target = target
        self._host = host
        self._swallowing = False
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._server: asyncio.Server | None = None
        self._passing: set[asyncio.Task[None]] = set()
        self._thaw = asyncio.Event()

    def freeze(self) -> None:
        """Half-open connections: they stay, new ones are taken, and nothing passes."""
        self._loop.call_soon_threadsafe(self._thaw.clear)

    def thaw(self) -> None:
        """Cut what was frozen, as a router does that has forgotten its connections, and let new ones pass."""
        self.cut()
        self._loop.call_soon_threadsafe(self._thaw.set)

    def swallow(self) -> None:
        """From now on requests pass, and the reply to them is lost together with its connection."""
        self._swallowing = True

    def pass_replies(self) -> None:
        self._swallowing = False

    def cut(self) -> None:
        """End every connection."""
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for task in self._passing:
            task.cancel()

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(60)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._thaw.set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def _stop(self) -> None:
        assert self._server is not None
        self._server.close()
        self._cut()
        await asyncio.gather(*self._passing, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        try:
            await self._pass_both(reader, writer)
        except (OSError, asyncio.CancelledError, ExceptionGroup):
            pass  # one side has gone, or the proxy cut it
        finally:
            self._passing.discard(task)
            writer.transport.abort()

    async def _pass_both(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._thaw.wait()
        far_reader, far_writer = await asyncio.open_connection(self._host, self._target)
        try:
            directions = {
                asyncio.create_task(self._pass(reader, far_writer, replies=False)),
                asyncio.create_task(self._pass(far_reader, writer, replies=True)),
            }
            try:
                await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for direction in directions:
                    direction.cancel()
                await asyncio.gather(*directions, return_exceptions=True)
        finally:
            far_writer.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, replies: bool) -> None:
        """Until one side closes, and what it said last has come, or a reply was swallowed.

        What is delayed does not hold up what comes after it.
        """
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        delivering = asyncio.create_task(self._deliver(under_way, target, replies))
        try:
            while piece := await source.read(PIECE):
                under_way.put_nowait((self._loop.time() + self.delay_s, piece))
                if delivering.done():
                    return
            under_way.put_nowait((self._loop.time() + self.delay_s, b""))
            await delivering
        finally:
            delivering.cancel()
            await asyncio.gather(delivering, return_exceptions=True)

    async def _deliver(
        self, under_way: "asyncio.Queue[tuple[float, bytes]]", target: asyncio.StreamWriter, replies: bool
    ) -> None:
        """Until there is an empty piece, or a reply was swallowed."""
        while True:
            due, piece = await under_way.get()
            await asyncio.sleep(due - self._loop.time())
            await self._thaw.wait()
            if not piece:
                return
            if replies and self._swallowing:
                self.swallowed += 1
                target.transport.abort()
                return
            target.write(piece)
            with contextlib.suppress(ConnectionError):
                await target.drain()
