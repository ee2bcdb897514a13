"""How this backend reaches a cluster: each request, and each websocket, is signed in, sent and refused in one way.

The official client knows how to sign in, and holds the connections.
"""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from kubernetes.aio.client import ApiClient

from services.executor.backends.kubernetes.refusals import ClusterAway, refusal
from services.executor.backends.kubernetes.signing import SignIn, shown_by, signed
from shared.streams.alive import keep_alive

CALL_S = 15.0
"""For an ordinary answer."""
CONNECT_S = 10.0
PING_S = 20.0
_REFUSAL_BYTES = 1 << 20
"""No refusal says more."""
_MESSAGE_BYTES = 1 << 20
"""Of a websocket, at most: API servers send 32 KiB, and pass on what a kubelet sends."""


@dataclass(frozen=True)
class Kubelet:
    """Somebody who knows the same callers as the API server. `trust`: by whom its certificate is signed, if not by the
    cluster's authority; `token`: what it is shown in place of this process's own.
    """

    host: str
    trust: ssl.SSLContext | None = None
    token: str | None = None


class Connection:
    """To the cluster of `kubeconfig`, else of the pod that this process runs in."""

    def __init__(self, kubeconfig: Path | None, context: str | None) -> None:
        self._sign_in = SignIn(kubeconfig, context)
        self._client: ApiClient | None = None

    async def open(self) -> None:
        """Read how to sign in. Raises WrongSettings, TemporaryError."""
        self._client = await self._sign_in.open()

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()

    @asynccontextmanager
    async def answered(
        self,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        timeout: aiohttp.ClientTimeout,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        kubelet: Kubelet | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer, which is no refusal, of whoever was asked: nobody sends this process elsewhere. `kubelet`: who is
        asked in place of the API server.

        Raises ApiError, ClusterAway, also while the answer is read.
        """
        client, session = self._opened()
        token = kubelet.token if kubelet is not None else None
        url, signed_in = await signed(client, method, path, query, headers, token)
        used = shown_by(client)
        if kubelet is None:
            way = self._way(client)
        else:
            url, way = f"https://{kubelet.host}{path}", {"ssl": kubelet.trust or self._sign_in.trust()}
        data = None if body is None else json.dumps(body)
        try:
            answer = await session.request(
                method, url, headers=signed_in, data=data, timeout=timeout, allow_redirects=False, **way
            )
            try:
                if 300 <= answer.status < 400:
                    raise ClusterAway(f"the answer is a redirect ({answer.status}), and none is followed")
                if answer.status == 401 and token is None:
                    await self._sign_in.renew(client, used)
                if answer.status >= 400:
                    raise refusal(answer.status, answer.headers, await read(answer.content, _REFUSAL_BYTES))
                yield answer
            finally:
                if answer.content.at_eof():
                    answer.release()
                else:
                    answer.close()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterAway(str(error) or type(error).__name__) from error

    @asynccontextmanager
    async def websocket(
        self, path: str, query: list[tuple[str, str]], protocol: str
    ) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        """Raises ApiError when the upgrade is refused, ClusterAway.

        A peer that is gone is noticed by the kernel: who waits for pongs gives up a connection whose reader is slow.
        """
        client, session = self._opened()
        url, headers = await signed(client, "GET", path, query)
        used = shown_by(client)
        closing = aiohttp.ClientWSTimeout(ws_close=1.0)
        try:
            async with asyncio.timeout(CALL_S):
                connection = await session.ws_connect(
                    url,
                    headers=headers,
                    protocols=(protocol,),
                    timeout=closing,
                    max_msg_size=_MESSAGE_BYTES,
                    **self._way(client),
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
                await self._sign_in.renew(client, used)
            raise refusal(error.status, error.headers or {}, str(error.message).encode()) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            raise ClusterAway(str(error) or type(error).__name__) from error

    def _way(self, client: ApiClient) -> dict[str, Any]:
        """To the API server: whom to trust there, under which name, and through whom. For each request anew."""
        known = client.configuration
        return {
            "ssl": self._sign_in.trust(),
            "server_hostname": known.tls_server_name,
            "proxy": known.proxy,
            "proxy_headers": known.proxy_headers,
        }

    def _opened(self) -> tuple[ApiClient, aiohttp.ClientSession]:
        if self._client is None:
            raise ClusterAway("the connection to the cluster is not open")
        session = self._client.rest_client.pool_manager
        assert session is not None
        return self._client, session


async def read(content: aiohttp.StreamReader, most_bytes: int) -> bytes:
    """All of it, or a little more than so much."""
    data = bytearray()
    async for chunk in content.iter_any():
        data += chunk
        if len(data) > most_bytes:
            break
    return bytes(data)


async def _ping(connection: aiohttp.ClientWebSocketResponse) -> None:
    """A sign of life for what stands before the API server, and ends connections that are silent for a minute."""
    with contextlib.suppress(ConnectionError, aiohttp.ClientError):
        while True:
            await asyncio.sleep(PING_S)
            await connection.ping()
