"""A connection to the API server takes little memory: ten thousand runs have ten thousand of them."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from services.executor.backends.kubernetes import buffers
from services.executor.backends.kubernetes.api import Api
from tests.support.scripted_server import Answer, scripted_server


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    former = asyncio.sslproto.SSLProtocol.max_size
    yield
    asyncio.sslproto.SSLProtocol.max_size = former


async def test_a_connection_decrypts_into_a_small_buffer_and_carries_large_answers_all_the_same(tmp_path: Path) -> None:
    buffers.keep_small()
    authority, sent = trustme.CA(), b"line\n" * 200_000
    server_side, client_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    authority.configure_trust(client_side)

    async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(sent)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=server_side)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname(), ssl=client_side)
        assert len(writer.transport._ssl_protocol._ssl_buffer) == buffers.BYTES  # type: ignore[attr-defined]
        assert await reader.read() == sent
        writer.close()


async def test_of_a_log_that_nobody_reads_little_waits_in_memory(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    with scripted_server() as server:
        server.on("GET", "/log", Answer(200, "line\n"))
        context = {"name": "lab", "context": {"cluster": "lab", "user": "ada"}}
        known = {
            "current-context": "lab",
            "contexts": [context],
            "clusters": [{"name": "lab", "cluster": {"server": server.url}}],
            "users": [{"name": "ada", "user": {"token": "secret"}}],
        }
        kubeconfig.write_text(json.dumps(known))
        api = Api(kubeconfig)
        await api.open()
        try:
            async with api.lines("/log", {}) as answer:
                assert answer.get_read_buffer_limits()[1] <= 2 * buffers.UNREAD
                assert await answer.read() == b"line\n"
        finally:
            await api.close()
