"""The cluster's API server as this backend speaks to it: plain documents in and out, and errors that say which kind.

The official client knows how to sign in and holds the connections. Its models are left out: 10,000 pods as models take
fifteen times the memory of the fields needed here. Every call is safe to repeat, and is repeated a few times here when
the answer is that the cluster cannot answer now; after that it is the affair of the loops that compare what is with
what should be.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from kubernetes.aio.client import ApiClient

from services.executor.backends.kubernetes.pauses import Pauses
from services.executor.backends.kubernetes.signing import UNREADABLE, SignIn, token_of
from shared.streams.alive import keep_alive

log = structlog.get_logger()

CALL_S = 15.0
"""For an ordinary answer."""
LIST_S = 60.0
"""For a page of a list."""
CONNECT_S = 10.0
PING_S = 20.0
MOST_BYTES = 64 << 20
"""Of an answer that is read as a whole."""
SILENCE_S = 90.0
"""A watch that says nothing for so long, not even a bookmark, has lost its connection without noticing."""
TRIES = 4
_PAUSES_S = (0.2, 2.0)
_LONGEST_RETRY_AFTER_S = 30.0

Document = dict[str, Any]
Query = Mapping[str, str | int | bool]

APPLY = "application/apply-patch+yaml"
MERGE_PATCH = "application/merge-patch+json"


class ClusterAway(OSError):
    """No answer, or one that says to come again later. `after_s`: when, if it says so."""

    def __init__(self, sentence: str, after_s: float = 0.0) -> None:
        super().__init__(sentence)
        self.after_s = after_s


class TooMuch(ClusterAway):
    """The answer is larger than any that is read: ask for less at a time."""


class ApiError(Exception):
    """The API server refused: its status, its reason in one word, its sentence, and the causes that it names."""

    def __init__(self, status: int, reason: str, message: str, causes: tuple[str, ...] = ()) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.causes = causes


class Api:
    """A connection to one cluster: of `kubeconfig`, else of the pod that this process runs in.

    `most_bytes`: of an answer that is read as a whole.
    """

    def __init__(self, kubeconfig: Path | None, context: str | None = None, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._sign_in = SignIn(kubeconfig, context)
        self._client: ApiClient | None = None

    async def open(self) -> None:
        """Read how to sign in. Raises OSError, or kubernetes' ConfigException, when that cannot be read."""
        self._client = await self._sign_in.open()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

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
        try:
            async with self._request("GET", path, query, timeout=timeout) as answer:
                transport = answer.connection.transport if answer.connection is not None else None
                if transport is not None and (peer := transport.get_extra_info("socket")) is not None:
                    keep_alive(peer)
                yield answer.content
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterAway(str(error) or type(error).__name__) from error

    @asynccontextmanager
    async def websocket(
        self, path: str, query: list[tuple[str, str]], protocol: str
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Raises ApiError when the upgrade is refused, ClusterAway.

        A peer that is gone is noticed by the kernel: who waits for pongs gives up a connection whose reader is slow.
        """
        client = self._opened()
        url, headers = await signed(client, "GET", path, query)
        token = token_of(client)
        session = client.rest_client.pool_manager
        assert session is not None
        closing = aiohttp.ClientWSTimeout(ws_close=1.0)
        try:
            async with asyncio.timeout(CALL_S):
                connection = await session.ws_connect(
                    url, headers=headers, protocols=(protocol,), timeout=closing, max_msg_size=0
                )
            if (peer := connection.get_extra_info("socket")) is not None:
                keep_alive(peer)
            pinging = asyncio.create_task(_ping(connection))
            try:
                async with connection:
                    yield connection
            finally:
                pinging.cancel()
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 401:
                await self._sign_in.renew(client, token)
            raise refusal(error.status, error.headers or {}, str(error.message).encode()) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterAway(str(error) or type(error).__name__) from error

    async def text(
        self, path: str, host: str | None = None, trust: ssl.SSLContext | None = None, shown: str | None = None
    ) -> str:
        """An answer that is no document. `host`: of a kubelet, which knows the same callers; `shown`: a token that it
        gets in place of this process's own. Raises ApiError, ClusterAway.
        """
        client = self._opened()
        url, headers = await signed(client, "GET", path, shown=shown)
        token = token_of(client)
        session = client.rest_client.pool_manager
        assert session is not None
        timeout = aiohttp.ClientTimeout(total=CALL_S, sock_connect=CONNECT_S)
        try:
            url = url if host is None else f"https://{host}{path}"
            async with session.get(url, headers=headers, timeout=timeout, ssl=trust or True) as answer:
                data = await _read(answer.content, self._most_bytes)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterAway(str(error) or type(error).__name__) from error
        if answer.status == 401 and shown is None:
            await self._sign_in.renew(client, token)
        if answer.status >= 400:
            raise refusal(answer.status, answer.headers, data)
        return data.decode(errors="replace")

    async def _call(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Document | None = None,
        content_type: str = "application/json",
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
        try:
            async with self._request(method, path, query, body, content_type, timeout) as answer:
                data = await _read(answer.content, self._most_bytes)
                if len(data) > self._most_bytes:
                    raise TooMuch(f"the answer has more than {self._most_bytes} bytes")
            found: Document = await asyncio.to_thread(json.loads, data) if len(data) > 1 << 20 else json.loads(data)
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterAway(str(error) or type(error).__name__) from error
        except (ValueError, RecursionError) as error:  # somebody between here and there answers in its place
            raise ClusterAway(f"the answer is no document: {error}") from error
        return found

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Document | None = None,
        content_type: str = "application/json",
        timeout: aiohttp.ClientTimeout | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer, which is no refusal. Raises ApiError, ClusterAway, and what aiohttp raises."""
        client = self._opened()
        asked = [
            (name, str(value).lower() if isinstance(value, bool) else str(value))
            for name, value in (query or {}).items()
        ]
        wanted = {"Content-Type": content_type, "Accept": "application/json"}
        url, headers = await signed(client, method, path, asked, wanted)
        token = token_of(client)
        answer = await client.call_api(method, url, headers, body, _request_timeout=timeout)
        try:
            if answer.response.status == 401:
                await self._sign_in.renew(client, token)
            if answer.response.status >= 400:
                raise refusal(answer.response.status, answer.response.headers, await answer.response.read())
            yield answer.response
        finally:
            answer.response.close() if not answer.response.content.at_eof() else answer.response.release()

    def _opened(self) -> ApiClient:
        if self._client is None:
            raise ClusterAway("the connection to the cluster is not open")
        return self._client


async def _read(content: aiohttp.StreamReader, most_bytes: int) -> bytes:
    """All of it, or a little more than so much."""
    data = bytearray()
    async for chunk in content.iter_any():
        data += chunk
        if len(data) > most_bytes:
            break
    return bytes(data)


async def signed(
    client: ApiClient,
    method: str,
    path: str,
    query: Sequence[tuple[str, str]] = (),
    headers: Mapping[str, str] | None = None,
    shown: str | None = None,
) -> tuple[str, dict[str, str]]:
    """The address and the headers of a request that is signed in. Raises ClusterAway: now it can't be signed in.

    `shown`: a token in place of this process's own.
    """
    given = dict(headers or {}) if shown is None else {**(headers or {}), "Authorization": f"Bearer {shown}"}
    try:
        _, url, signed, _, _ = await client.param_serialize(
            method,
            path,
            query_params=list(query),
            header_params=given,
            auth_settings=["BearerToken"] if shown is None else [],
        )
    except UNREADABLE as error:
        raise ClusterAway(f"the credentials for the cluster cannot be read: {error}") from error
    return url, signed


async def _ping(connection: aiohttp.ClientWebSocketResponse) -> None:
    """A sign of life for what stands before the API server, and ends connections that are silent for a minute."""
    with contextlib.suppress(ConnectionError, aiohttp.ClientError):
        while True:
            await asyncio.sleep(PING_S)
            await connection.ping()


def refusal(status: int, headers: Mapping[str, str], data: bytes) -> ApiError | ClusterAway:
    """401, 429 and 5xx are worth another try, all else is not."""
    try:
        said = json.loads(data)
        reason, message = str(said.get("reason", "")), str(said.get("message", ""))
        causes = tuple(str(cause.get("reason", "")) for cause in (said.get("details") or {}).get("causes") or ())
    except (ValueError, AttributeError):
        reason, message, causes = "", data[:500].decode(errors="replace"), ()
    if status in (401, 429) or status >= 500:
        after = headers.get("Retry-After", "")
        after_s = min(float(after), _LONGEST_RETRY_AFTER_S) if after.isdecimal() and len(after) < 10 else 0.0
        return ClusterAway(f"{status} {reason}: {message}", after_s)
    return ApiError(status, reason, message, causes)
