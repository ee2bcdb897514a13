"""The cluster's API server as this backend speaks to it: plain documents in and out.

The official client's models are left out: 10,000 pods as models take fifteen times the memory of the fields needed
here. Every call is safe to repeat, and is repeated a few times here when the answer is that the cluster cannot answer
now; after that it is the affair of the loops that compare what is with what should be.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import structlog

from services.executor.backends.kubernetes.connection import CALL_S, CONNECT_S, Connection, Kubelet, read
from services.executor.backends.kubernetes.pauses import Pauses
from services.executor.backends.kubernetes.refusals import ClusterAway, TooMuch
from services.executor.domain.documents import parsed
from shared.streams.alive import keep_alive

log = structlog.get_logger()

LIST_S = 60.0
"""For a page of a list."""
MOST_BYTES = 64 << 20
"""Of an answer that is read as a whole."""
SILENCE_S = 90.0
"""A watch that says nothing for so long, not even a bookmark, has lost its connection without noticing."""
TRIES = 4
_PAUSES_S = (0.2, 2.0)

Document = dict[str, Any]
Query = Mapping[str, str | int | bool]

JSON = "application/json"
APPLY = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"


class Api:
    """Of the cluster of `kubeconfig`, else of the pod that this process runs in.

    `most_bytes`: of an answer that is read as a whole.
    """

    def __init__(self, kubeconfig: Path | None, context: str | None = None, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._connection = Connection(kubeconfig, context)

    async def open(self) -> None:
        """Raises WrongSettings, and TemporaryError while a plugin gives no credentials."""
        await self._connection.open()

    async def close(self) -> None:
        await self._connection.close()

    async def get(self, path: str, query: Query | None = None, within_s: float = CALL_S) -> Document:
        """Raises ApiError, ClusterAway; so do the others."""
        return await self._call("GET", path, query, within_s=within_s)

    async def create(self, path: str, document: Document) -> Document:
        return await self._call("POST", path, None, document)

    async def delete(self, path: str, options: Document) -> Document:
        return await self._call("DELETE", path, None, options)

    async def patch(self, path: str, change: Document) -> Document:
        return await self._call("PATCH", path, None, change, MERGE_PATCH)

    async def apply(self, path: str, document: Document) -> Document:
        """Make it as the document says, whether it is there or not; what that does not speak of stays."""
        return await self._call("PATCH", path, {"fieldManager": "jobyard", "force": True}, document, APPLY)

    @asynccontextmanager
    async def lines(self, path: str, query: Query, silence_s: float = SILENCE_S) -> AsyncIterator[aiohttp.StreamReader]:
        """An answer that goes on: read it line by line. One that says nothing for `silence_s` is given up, and sooner
        where the other side is gone. Raises ApiError, ClusterAway, also in the middle.
        """
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=silence_s)
        async with self._connection.answered("GET", path, _asked(query), timeout, _headers(JSON)) as answer:
            transport = answer.connection.transport if answer.connection is not None else None
            if transport is not None and (peer := transport.get_extra_info("socket")) is not None:
                keep_alive(peer)
            yield answer.content

    def websocket(
        self, path: str, query: list[tuple[str, str]], protocol: str
    ) -> AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse]:
        """Raises ApiError when the upgrade is refused, ClusterAway."""
        return self._connection.websocket(path, query, protocol)

    async def text(self, path: str, kubelet: Kubelet | None = None, most_bytes: int = MOST_BYTES) -> str:
        """An answer that is no document; of `kubelet` in place of the API server. Raises ApiError, ClusterAway."""
        timeout = aiohttp.ClientTimeout(total=CALL_S, sock_connect=CONNECT_S)
        async with self._connection.answered("GET", path, (), timeout, kubelet=kubelet) as answer:
            data = await _whole(answer, most_bytes)
        return data.decode(errors="replace")

    async def _call(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Document | None = None,
        content_type: str = JSON,
        within_s: float = CALL_S,
    ) -> Document:
        pauses = Pauses(*_PAUSES_S)
        timeout = aiohttp.ClientTimeout(total=within_s, sock_connect=CONNECT_S)
        while True:
            try:
                return await self._once(method, path, query, body, content_type, timeout)
            except TooMuch:
                raise
            except ClusterAway as error:
                pause = pauses.next() + error.after_s
                if pauses.taken >= TRIES:
                    raise
                log.info("cluster_asked_again", method=method, path=path, in_s=round(pause, 3), error=str(error))
                await asyncio.sleep(pause)

    async def _once(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Document | None,
        content_type: str,
        timeout: aiohttp.ClientTimeout,
    ) -> Document:
        headers = _headers(content_type)
        async with self._connection.answered(method, path, _asked(query), timeout, headers, body) as answer:
            data = await _whole(answer, self._most_bytes)
        try:
            found: Document = await asyncio.to_thread(parsed, data) if len(data) > 1 << 20 else parsed(data)
        except ValueError as error:  # somebody between here and there answers in its place
            raise ClusterAway(f"the answer is no document: {error}") from error
        return found


async def _whole(answer: aiohttp.ClientResponse, most_bytes: int) -> bytes:
    """Raises TooMuch, and what aiohttp raises."""
    data = await read(answer.content, most_bytes)
    if len(data) > most_bytes:
        raise TooMuch(f"the answer has more than {most_bytes} bytes")
    return data


def _headers(content_type: str) -> dict[str, str]:
    return {"Content-Type": content_type, "Accept": JSON}


def _asked(query: Query | None) -> list[tuple[str, str]]:
    """As the API server understands it."""
    said = (query or {}).items()
    return [(name, str(value).lower() if isinstance(value, bool) else str(value)) for name, value in said]
