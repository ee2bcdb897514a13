"""What the machine itself can do, measured in the same run: the yardstick beside every figure of the platform."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from benchmarks.figures import Figure, percentile
from benchmarks.load import Connection, repeat
from shared.bus.bus import connect
from shared.bus.streams import bootstrap
from shared.settings import PlatformSettings
from tests.support.nats import NatsServer

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: application/json\r\n\r\n{}"


async def measure() -> list[Figure]:
    """Bare HTTP posts, process starts, stream publications, and durable writes."""
    return [await _posts(), _starts(), await _publications(), _syncs()]


async def _posts() -> Figure:
    class Bare(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            self._transport = transport

        def data_received(self, data: bytes) -> None:
            self._transport.write(ANSWER)

    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    rate, _ = await repeat(lambda: Connection("127.0.0.1", port, "x"), 16, 2, "POST", "/", b"{}", 200)
    server.close()
    return Figure("bare HTTP posts, 16 clients", rate, "1/s", note="client and server in one process")


def _starts() -> Figure:
    count = 500
    begin = time.perf_counter()
    for _ in range(count):
        os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    return Figure("process starts (/bin/true), one by one", count / (time.perf_counter() - begin), "1/s")


async def _publications() -> Figure:
    async with NatsServer() as server, connect(server.url, "bench") as bus:
        await bootstrap(bus.js, PlatformSettings())
        count = 8000
        slots = asyncio.Semaphore(64)

        async def publish(number: int) -> None:
            async with slots:
                await bus.publish_raw("evt.bench", b"x" * 700, str(number))

        begin = time.perf_counter()
        await asyncio.gather(*(publish(number) for number in range(count)))
        return Figure("JetStream publications, 64 in flight", count / (time.perf_counter() - begin), "1/s")


def _syncs() -> Figure:
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "file").open("wb") as file:
        took = []
        for _ in range(300):
            file.write(b"x" * 4096)
            file.flush()
            begin = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - begin)
        return Figure("fdatasync of 4 KiB, p50", percentile(took, 0.5) * 1e3, "ms")
