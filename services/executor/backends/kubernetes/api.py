"""The cluster's API server as this backend speaks to it: plain documents in and out, and errors that say which kind.

The official client knows how to sign in (kubeconfig, plugins, a service account whose token changes) and holds the
connections. Its models are left out: 10,000 pods as models take fifteen times the memory of the fields needed here.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio import config
from kubernetes.aio.client import ApiClient, Configuration

from shared.streams.alive import keep_alive

CALL_S = 30.0
"""For an ordinary answer."""
CONNECT_S = 10.0
PING_S = 20.0
MOST_BYTES = 64 << 20
"""Of a text."""
SILENCE_S = 90.0
"""A watch that says nothing for so long, not even a bookmark, has lost its connection without noticing."""

Document = dict[str, Any]
Query = Mapping[str, str | int | bool]

MERGE_PATCH = "application/merge-patch+json"


class ClusterAway(OSError):
    """No answer, or one that says to come again later."""


class ApiError(Exception):
    """The API server refused: its status, its reason in one word, and its sentence."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message


class Api:
    """A connection to one cluster: of `kubeconfig`, else of the pod that this process runs in."""

    def __init__(self, kubeconfig: Path | None, context: str | None = None) -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._client: ApiClient | None = None

    async def open(self) -> None:
        """Read how to sign in. Raises OSError, or kubernetes' ConfigException, when that cannot be read."""
        configuration = Configuration()
        if self._kubeconfig is None:
            config.load_incluster_config(client_configuration=configuration)
        else:
            await config.load_kube_config(
                config_file=str(self._kubeconfig), context=self._context, client_configuration=configuration
            )
        configuration.connection_pool_maxsize = 0  # watches and logs hold theirs for long: no limit
        self._client = ApiClient(configuration)
        self._client.rest_client.pool_manager = self._client.rest_client._create_pool_manager()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    async def get(self, path: str, query: Query | None = None) -> Document:
        """Raises ApiError, ClusterAway; so do the others."""
        return await self._call("GET", path, query)

    async def create(self, path: str, document: Document) -> Document:
        return await self._call("POST", path, None, document)

    async def delete(self, path: str, options: Document) -> Document:
        return await self._call("DELETE", path, None, options)

    async def patch(self, path: str, change: Document) -> Document:
        return await self._call("PATCH", path, None, change, MERGE_PATCH)

    @asynccontextmanager
    async def lines(self, path: str, query: Query) -> AsyncIterator[aiohttp.StreamReader]:
        """An answer that goes on: read it line by line. Raises ApiError, ClusterAway, also in the middle."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=SILENCE_S)
        try:
            async with self._request("GET", path, query, timeout=timeout) as answer:
                if answer.status >= 400:
                    raise _refused(answer.status, await answer.read())
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
        _, url, headers, _, _ = await client.param_serialize(
            "GET", path, query_params=list(query), auth_settings=["BearerToken"]
        )
        session = client.rest_client.pool_manager
        assert session is not None
        try:
            timeout = aiohttp.ClientWSTimeout(ws_close=1.0)
            async with session.ws_connect(
                url, headers=headers, protocols=(protocol,), timeout=timeout, max_msg_size=0
            ) as connection:
                if (peer := connection.get_extra_info("socket")) is not None:
                    keep_alive(peer)
                pinging = asyncio.create_task(_ping(connection))
                try:
                    yield connection
                finally:
                    pinging.cancel()
        except aiohttp.WSServerHandshakeError as error:
            raise ApiError(error.status, "Handshake", str(error.message)) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterAway(str(error) or type(error).__name__) from error

    async def text(self, path: str, host: str | None = None, trust: ssl.SSLContext | None = None) -> str:
        """An answer that is no document. `host`: of a kubelet, which knows the same callers. Raises ApiError,
        ClusterAway.
        """
        client = self._opened()
        _, url, headers, _, _ = await client.param_serialize("GET", path, auth_settings=["BearerToken"])
        session = client.rest_client.pool_manager
        assert session is not None
        timeout = aiohttp.ClientTimeout(total=CALL_S, sock_connect=CONNECT_S)
        try:
            url = url if host is None else f"https://{host}{path}"
            async with session.get(url, headers=headers, timeout=timeout, ssl=trust or True) as answer:
                data = await answer.content.read(MOST_BYTES)
                while len(data) < MOST_BYTES and (more := await answer.content.read(MOST_BYTES - len(data))):
                    data += more
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterAway(str(error) or type(error).__name__) from error
        if answer.status >= 400:
            raise _refused(answer.status, data)
        return data.decode(errors="replace")

    async def _call(
        self,
        method: str,
        path: str,
        query: Query | None,
        body: Document | None = None,
        content_type: str = "application/json",
    ) -> Document:
        timeout = aiohttp.ClientTimeout(total=CALL_S, sock_connect=CONNECT_S)
        try:
            async with self._request(method, path, query, body, content_type, timeout) as answer:
                data = await answer.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterAway(str(error) or type(error).__name__) from error
        if answer.status >= 400:
            raise _refused(answer.status, data)
        found: Document = await asyncio.to_thread(json.loads, data) if len(data) > 1 << 20 else json.loads(data)
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
        client = self._opened()
        asked = [
            (name, str(value).lower() if isinstance(value, bool) else str(value))
            for name, value in (query or {}).items()
        ]
        _, url, headers, _, _ = await client.param_serialize(
            method,
            path,
            query_params=asked,
            header_params={"Content-Type": content_type, "Accept": "application/json"},
            auth_settings=["BearerToken"],
        )
        answer = await client.call_api(method, url, headers, body, _request_timeout=timeout)
        try:
            yield answer.response
        finally:
            answer.response.close() if not answer.response.content.at_eof() else answer.response.release()

    def _opened(self) -> ApiClient:
        if self._client is None:
            raise ClusterAway("the connection to the cluster is not open")
        return self._client


async def _ping(connection: aiohttp.ClientWebSocketResponse) -> None:
    """A sign of life for what stands before the API server, and ends connections that are silent for a minute."""
    with contextlib.suppress(ConnectionError, aiohttp.ClientError):
        while True:
            await asyncio.sleep(PING_S)
            await connection.ping()


def _refused(status: int, data: bytes) -> ApiError | ClusterAway:
    """429 and 5xx are worth another try, all else is not."""
    try:
        said = json.loads(data)
        reason, message = str(said.get("reason", "")), str(said.get("message", ""))
    except (ValueError, AttributeError):
        reason, message = "", data[:500].decode(errors="replace")
    if status == 429 or status >= 500:
        return ClusterAway(f"{status} {reason}: {message}")
    return ApiError(status, reason, message)
