"""A socket between a backend and its Docker engine, at which a test does something when that is asked for something."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from pathlib import Path

PIECE = 65_536
_SAID = json.dumps({"message": "A test says so."}).encode()
_DECLINED = b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"

Heard = Callable[[bytes], bytes | None]
"""Called with each piece that a client sends; an answer in the engine's place, which then hears nothing of it."""


def before_creating(host: str, folder: Path, act: Callable[[], object]) -> contextlib.AbstractAsyncContextManager[str]:
    """The address of the socket. `act`: called before the engine hears that a container is to be made."""

    def heard(piece: bytes) -> None:
        if b"/containers/create" in piece:
            act()

    return _between(host, folder, heard)


def declining(host: str, folder: Path, names: Collection[str]) -> contextlib.AbstractAsyncContextManager[str]:
    """Likewise. `names`: of the containers of which the engine says and does nothing (500) while they are in there."""

    def heard(piece: bytes) -> bytes | None:
        asked = piece.partition(b"\r\n")[0]
        declined = any(f"/{name}".encode() in asked for name in names)
        return _DECLINED % (len(_SAID), _SAID) if declined else None

    return _between(host, folder, heard)


@asynccontextmanager
async def _between(host: str, folder: Path, heard: Heard) -> AsyncIterator[str]:
    socket = folder / "engine.sock"
    connections: set[asyncio.Task[None]] = set()

    async def ask(client: asyncio.StreamReader, engine: asyncio.StreamWriter, answers: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await client.read(PIECE):
                answer = heard(piece)
                to, data = (engine, piece) if answer is None else (answers, answer)
                to.write(data)
                await to.drain()
            engine.write_eof()

    async def answer(engine: asyncio.StreamReader, answers: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while piece := await engine.read(PIECE):
                answers.write(piece)
                await answers.drain()
            answers.write_eof()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        theirs, ours = await asyncio.open_unix_connection(host.removeprefix("unix://"))
        try:
            await asyncio.gather(ask(reader, ours, writer), answer(theirs, writer))
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
