"""Whatever is asked of an API server, requests and websockets alike reach it in the way that the kubeconfig names."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.channels import EXEC_PROTOCOL, STDOUT, Channels
from services.executor.backends.kubernetes.refusals import ClusterAway
from tests.support.kubernetes.played import HERE, certified, kubeconfig, listening

NAME = "cluster.lab"


async def document(_: web.Request) -> web.Response:
    return web.json_response({"kind": "Pod"})


async def streams(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(protocols=(EXEC_PROTOCOL,))
    await socket.prepare(request)
    await socket.send_bytes(bytes((STDOUT,)) + b"hello")
    await socket.close()
    return socket


@asynccontextmanager
async def tunnel() -> AsyncIterator[tuple[str, list[str]]]:
    """A proxy, and what it was asked to connect to."""
    asked: list[str] = []

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readuntil(b"\r\n\r\n")).decode().split()[1])
        host, _, port = asked[-1].partition(":")
        there, away = await asyncio.open_connection(host, int(port))
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await asyncio.gather(copied(reader, away), copied(there, writer))

    async def copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(1 << 16):
                writer.write(data)
            writer.close()

    async with await asyncio.start_server(carry, HERE, 0) as server:
        yield f"http://{HERE}:{server.sockets[0].getsockname()[1]}", asked


@asynccontextmanager
async def reached(folder: Path, **cluster: str) -> AsyncIterator[Api]:
    """A server at an address that its certificate does not bear. `cluster`: what the kubeconfig says of it."""
    authority, app = trustme.CA(), web.Application()
    app.router.add_get("/pod", document)
    app.router.add_get("/exec", streams)
    authority.cert_pem.write_to_path(str(folder / "ca.crt"))
    async with listening(app, certified(authority, NAME)) as port:
        known = {"certificate-authority": "ca.crt", **{name.replace("_", "-"): said for name, said in cluster.items()}}
        api = Api(kubeconfig(folder, port, known, {"token": "secret"}))
        await api.open()
        try:
            yield api
        finally:
            await api.close()


async def said(api: Api) -> list[tuple[int, bytes]]:
    async with api.websocket("/exec", [], EXEC_PROTOCOL) as socket:
        return [message async for message in Channels(socket).received()]


async def test_an_api_server_whose_certificate_bears_the_name_in_the_kubeconfig_is_believed(tmp_path: Path) -> None:
    async with reached(tmp_path, tls_server_name=NAME) as api:
        assert await api.get("/pod") == {"kind": "Pod"}
        assert await api.text("/pod") == '{"kind": "Pod"}'
        async with api.lines("/pod", {}) as answer:
            assert await answer.read() == b'{"kind": "Pod"}'
        assert await said(api) == [(STDOUT, b"hello")]


@pytest.mark.parametrize("known", [{}, {"tls_server_name": "another.lab"}])
async def test_one_whose_certificate_bears_another_name_is_told_nothing(tmp_path: Path, known: dict[str, str]) -> None:
    async with reached(tmp_path, **known) as api:
        with pytest.raises(ClusterAway, match="CERTIFICATE_VERIFY_FAILED"):
            await api.text("/pod")
        with pytest.raises(ClusterAway, match="CERTIFICATE_VERIFY_FAILED"):
            await said(api)


async def test_an_api_server_behind_a_proxy_is_reached_through_it_by_requests_and_websockets(tmp_path: Path) -> None:
    async with tunnel() as (proxy, asked), reached(tmp_path, tls_server_name=NAME, proxy_url=proxy) as api:
        async with api.websocket("/exec", [], EXEC_PROTOCOL):
            assert await api.get("/pod") == {"kind": "Pod"}
        assert len(asked) == 2


@pytest.mark.parametrize(("spared", "through"), [("elsewhere.lab", 1), (HERE, 0)])
async def test_a_proxy_of_the_environment_is_used_for_all_but_whom_that_spares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spared: str, through: int
) -> None:
    async with tunnel() as (proxy, asked):
        for name, value in {"https_proxy": proxy, "no_proxy": spared}.items():
            monkeypatch.setenv(name, value)
        async with reached(tmp_path, tls_server_name=NAME) as api:
            assert await api.get("/pod") == {"kind": "Pod"}
        assert len(asked) == through
