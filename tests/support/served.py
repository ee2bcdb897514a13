"""Programs that listen inside jobs, for the tests of the door: `python served.py KIND PORT`."""

import asyncio
import hashlib
import http.server
import os
import re
import sys
from pathlib import Path

from aiohttp import WSMsgType, web

PIECE = bytes(range(256)) * 1024


async def download(request: web.Request) -> web.StreamResponse:
    """So many MiB, with a length or in chunks."""
    count = int(request.query["mib"]) * 4
    headers = {"Content-Length": str(count * len(PIECE))} if "length" in request.query else {}
    response = web.StreamResponse(headers=headers)
    await response.prepare(request)
    for _ in range(count):
        await response.write(PIECE)
    return response


async def upload(request: web.Request) -> web.Response:
    """How much arrived, and its digest."""
    digest, size = hashlib.sha256(), 0
    async for piece in request.content.iter_any():
        digest.update(piece)
        size += len(piece)
    return web.json_response({"size": size, "sha256": digest.hexdigest()})


async def echo(request: web.Request) -> web.WebSocketResponse:
    """Messages of any size, back."""
    socket = web.WebSocketResponse(max_msg_size=1 << 26)
    await socket.prepare(request)
    async for message in socket:
        if message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    return socket


async def events(request: web.Request) -> web.StreamResponse:
    """A beat for as long as somebody listens."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await response.prepare(request)
    while True:
        await response.write(b"data: beat\n\n")
        await asyncio.sleep(0.1)


async def hello(request: web.Request) -> web.Response:
    return web.Response(text=f"hello from {os.environ.get('JOBYARD_JOB_ID')} at {request.path}")


class Ranges(http.server.BaseHTTPRequestHandler):
    """The standard library's server, and the ranges that it lacks."""

    def do_GET(self) -> None:
        content = PIECE
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        begin, end = (int(wanted[1]), int(wanted[2])) if wanted else (0, len(content) - 1)
        self.send_response(206 if wanted else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - begin + 1))
        if wanted:
            self.send_header("Content-Range", f"bytes {begin}-{end}/{len(content)}")
        self.end_headers()
        self.wfile.write(content[begin : end + 1])


async def banner(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A service that speaks first, and no HTTP."""
    writer.write(b"220 mail.example ready\r\n")
    await reader.read(100)
    writer.close()


async def plain(port: int) -> None:
    async with await asyncio.start_server(banner, "127.0.0.1", port) as server:
        await server.serve_forever()


def command(*arguments: object) -> list[str]:
    """What a job runs to serve."""
    return [sys.executable, "-P", str(Path(__file__).resolve()), *map(str, arguments)]


def main(kind: str, port: int) -> None:
    if kind == "ranges":
        http.server.ThreadingHTTPServer(("127.0.0.1", port), Ranges).serve_forever()
    elif kind == "plain":
        asyncio.run(plain(port))
    else:
        app = web.Application(client_max_size=1 << 40)
        app.add_routes([web.get("/download", download), web.put("/upload", upload), web.get("/ws", echo)])
        app.add_routes([web.get("/events", events), web.get("/{any:.*}", hello)])
        web.run_app(app, host="127.0.0.1", port=port, print=None, access_log=None)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
