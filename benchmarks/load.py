"""A lean HTTP/1.1 client with kept-alive connections: the load must not cost more than what it measures."""

import asyncio
import json
import time
from typing import Any, Self


class Connection:
    """One connection to the gateway, one request at a time."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._address = (host, port)
        self._head = f"Host: {host}:{port}\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n"

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(*self._address, limit=1 << 24)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._writer.close()
        await self._writer.wait_closed()

    async def send(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """The answer's status and body."""
        head = f"{method} {path} HTTP/1.1\r\n{self._head}Content-Length: {len(body)}\r\n\r\n"
        self._writer.write(head.encode() + body)
        answer = await self._reader.readuntil(b"\r\n\r\n")
        status = int(answer[9:12])
        headers = answer.lower()
        if b"transfer-encoding: chunked" in headers:
            return status, await self._chunked()
        length = int(headers.split(b"content-length:")[1].split(b"\r\n")[0])
        return status, await self._reader.readexactly(length)

    async def json(self, method: str, path: str, expect: int, body: Any = None) -> Any:
        status, answer = await self.send(method, path, json.dumps(body).encode() if body is not None else b"")
        assert status == expect, f"{status} {answer[:500]!r}"
        return json.loads(answer)

    async def _chunked(self) -> bytes:
        body = b""
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            body += await self._reader.readexactly(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return body


async def repeat(
    connect: Any, clients: int, seconds: float, method: str, path: str, body: bytes, expect: int
) -> tuple[float, list[float]]:
    """Requests per second of so many clients, and the time that each took in seconds."""
    took: list[float] = []
    end = time.perf_counter() + seconds

    async def client() -> None:
        async with connect() as connection:
            while time.perf_counter() < end:
                begin = time.perf_counter()
                status, answer = await connection.send(method, path, body)
                took.append(time.perf_counter() - begin)
                assert status == expect, answer[:500]

    begin = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return len(took) / (time.perf_counter() - begin), took
