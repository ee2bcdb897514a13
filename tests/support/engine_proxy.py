"""A socket between a backend and its Docker engine, at which a test does something when a container is asked for."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

PIECE = 65_536


@asynccontextmanager
async def before_creating(host: str, folder: Path, act: Callable[[], object]) -> AsyncIterator[str]:
    """The address of the socket. `act`: called before the engine hears that a container is to be made."""
    socket = folder / "engine.sock"
    connections: set[asyncio.Task[None]] = set()

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, from_client: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(PIECE):
                if from_client and b"/containers/create" in piece:
                    act()
                writer.write(piece)
                await writer.drain()
            writer.write_eof()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        theirs, ours = await asyncio.open_unix_connection(host.removeprefix("unix://"))
        try:
            await asyncio.gather(copy(reader, ours, True), copy(theirs, writer, False))
        except asyncio.CancelledError:
            pass
        finally:
            for each in (ours, writer):
                each.close()

    server = await asyncio.start_unix_server(serve, socket)
    async with server:
        yield f"unix://{socket}"
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
