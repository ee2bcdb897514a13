"""The logs of pods that KWOK plays: one server in the place of the kubelets of all nodes.

KWOK's own server watches a file for each follower, of which Linux allows 128. This one answers the API server as a
kubelet does: a line with its time, then silence until the command has ended, and only then the end of the answer. The
line's time never changes, so whoever resumes finds the line that it has.
"""

import asyncio
import contextlib
import ssl
from datetime import UTC, datetime
from pathlib import Path

_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
_NOTHING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
_END = b"0\r\n\r\n"


class NodeLogs:
    """Serves on `port` until closed. `most_held`: followers that wait; more are told at once that there is no more."""

    def __init__(self, certificate: Path, key: Path, port: int, most_held: int) -> None:
        self._trust = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._trust.load_cert_chain(certificate, key)
        self._port = port
        self._most_held = most_held
        self._line = f"{datetime.now(UTC).strftime('%Y-%m-%dT%H:%M:%S.%f')}000Z one line\n".encode()
        self._server: asyncio.Server | None = None
        self.lasts_s: float | None = None
        """How long commands run that are asked about from now on; None: until they are stopped."""
        self.held = 0
        self.most = 0
        """How many have waited at once."""

    async def open(self, lasts_s: float) -> None:
        self.lasts_s = lasts_s
        self._server = await asyncio.start_server(
            self._answer, "127.0.0.1", self._port, ssl=self._trust, limit=1 << 14, backlog=1024
        )

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:  # the API server keeps its connections
                asked = await reader.readuntil(b"\r\n\r\n")
                if b"/containerLogs/" not in asked.partition(b"\r\n")[0]:
                    writer.write(_NOTHING)
                    continue
                writer.write(_HEAD + f"{len(self._line):x}\r\n".encode() + self._line + b"\r\n")
                await writer.drain()
                if b"follow=true" in asked.partition(b"\r\n")[0] and self.held < self._most_held:
                    await self._hold(reader)
                writer.write(_END)
                await writer.drain()
        writer.close()

    async def _hold(self, reader: asyncio.StreamReader) -> None:
        """Until the command has ended, or nobody listens any more."""
        self.held += 1
        self.most = max(self.most, self.held)
        try:
            async with asyncio.timeout(self.lasts_s):
                await reader.readexactly(1)
        except TimeoutError:
            pass
        finally:
            self.held -= 1
