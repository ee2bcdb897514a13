"""Heads of requests that are too large or never end, and answers that nobody takes, on the gateway's real server."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.waiting import until
from tests.support.wire import Wire, rest_of, wire

MIB = 1 << 20
START = b"GET /healthz HTTP/1.1\r\n"


def one_header() -> Iterator[bytes]:
    yield START + b"X: "
    for _ in range(100):
        yield b"x" * MIB


def many_headers() -> Iterator[bytes]:
    yield START
    for _ in range(300):
        yield b"a: b\r\n" * 1000


def one_line() -> Iterator[bytes]:
    yield b"GET /"
    for _ in range(100):
        yield b"x" * MIB


def sent_until_refused(connection: socket.socket, pieces: Iterator[bytes]) -> int:
    sent = 0
    try:
        for piece in pieces:
            connection.sendall(piece)
            sent += len(piece)
    except (BrokenPipeError, ConnectionResetError):
        pass
    return sent


@pytest.mark.parametrize("head", [one_header, many_headers, one_line])
async def test_a_head_that_does_not_end_is_not_taken(tmp_path: Path, head: object) -> None:
    async with wire(tmp_path, head_timeout_s=3600) as yard:
        with yard.connected() as connection:
            sent = await asyncio.to_thread(sent_until_refused, connection, head())  # type: ignore[operator]
            assert sent < 20 * MIB
        assert (await yard.http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("size", [65_000, 66_000, 200_000])
async def test_a_head_of_64_kib_is_read_and_a_larger_one_is_431(tmp_path: Path, size: int) -> None:
    async with wire(tmp_path) as yard:
        head = yard.head("/healthz", X="x" * size, Connection="close")
        for pieces in ([head], [head[:1000], head[1000:]]):
            with yard.connected() as connection:
                for piece in pieces:
                    await asyncio.to_thread(sent_until_refused, connection, iter([piece]))
                answer = await rest_of(connection)
            assert answer.startswith(b"HTTP/1.1 200" if size < 65_536 else b"HTTP/1.1 431")


@pytest.mark.parametrize("sent", [b"", b"GET /hea", START + b"Host: a\r\nX", b"\r\n"])
async def test_a_connection_without_a_whole_head_ends(tmp_path: Path, sent: bytes) -> None:
    async with wire(tmp_path, head_timeout_s=0.2) as yard:
        with yard.connected(sent) as connection:
            assert await rest_of(connection) == b""


@pytest.mark.parametrize("sent", [b"G", b"\r\n", START])
async def test_a_second_head_has_to_end_too(tmp_path: Path, sent: bytes) -> None:
    async with wire(tmp_path, head_timeout_s=0.2) as yard:
        with yard.connected(yard.head("/healthz")) as connection:
            assert (await received(connection)).startswith(b"HTTP/1.1 200")
            connection.sendall(sent)
            assert await rest_of(connection) == b""


async def test_an_idle_connection_and_one_with_a_long_answer_stay(tmp_path: Path) -> None:
    async with wire(tmp_path, head_timeout_s=0.2) as yard:
        with yard.connected(yard.head("/healthz")) as idle, yard.connected(yard.head("/healthz")) as busy:
            assert (await received(idle)).startswith(b"HTTP/1.1 200")
            assert (await received(busy)).startswith(b"HTTP/1.1 200")
            path = yard.endless()
            busy.sendall(yard.head(path, "admin") + b"GET /next")
            await until(lambda: yard.running == 1, "the long answer is under way")
            await _one_that_is_late(yard)
            idle.sendall(yard.head("/healthz"))
            assert (await received(idle)).startswith(b"HTTP/1.1 200")
            assert yard.running == 1


async def test_answers_that_nobody_takes_hold_no_request(tmp_path: Path) -> None:
    async with wire(tmp_path, stalled_s=0.1) as yard:
        with yard.connected(yard.head("/api/v1/openapi.json") * 200):
            await until(lambda: yard.running == 1, "an answer is not taken")
            await until(lambda: yard.running == 0, "the connection is cut")


async def received(connection: socket.socket) -> bytes:
    """A whole answer of /healthz."""

    def read() -> bytes:
        answer = b""
        while not answer.endswith(b"ok\n"):
            data = connection.recv(65_536)
            assert data, f"it ends after {answer!r}"
            answer += data
        return answer

    return await asyncio.to_thread(read)


async def _one_that_is_late(yard: Wire) -> None:
    """Later than this nobody else is patient either."""
    with yard.connected(b"G") as late:
        assert await rest_of(late) == b""
