"""What the door is measured against: the simplest relay that asyncio allows, which understands nothing."""

import asyncio
import sys

PIECE = 1 << 18


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(PIECE):
        writer.write(data)
        await writer.drain()
    writer.close()


async def serve(target: int) -> None:
    """Print the port, then carry bytes to `target` and back until killed."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inside, outside = await asyncio.open_connection("127.0.0.1", target, limit=PIECE)
        await asyncio.gather(_copy(reader, outside), _copy(inside, writer), return_exceptions=True)

    server = await asyncio.start_server(join, "127.0.0.1", 0, limit=PIECE)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
