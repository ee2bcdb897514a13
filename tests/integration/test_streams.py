"""Streams into runs of a real executor, through its doorway: by descriptors on its machine, relayed from elsewhere."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from shared.contracts.errors import Conflict
from shared.contracts.job import JobView
from shared.contracts.streams import Child, Terminal
from shared.settings import PlatformSettings
from shared.streams.client import RunAt, Streams
from shared.streams.process import Exit
from tests.support.executor import NODE
from tests.support.executor_service import ExecutorService, Yard, yard_at
from tests.support.nats import NatsServer
from tests.support.streams import close, everything, until_said
from tests.support.waiting import until


@pytest.fixture
async def nats() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def yard(nats: NatsServer, tmp_path: Path) -> AsyncIterator[Yard]:
    (tmp_path / "work").mkdir()
    async with yard_at(PlatformSettings(data=tmp_path, nats_url=nats.url), tmp_path / "work") as yard:
        yield yard


@pytest.fixture(params=["near"])
def executor(request: pytest.FixtureRequest, nats: NatsServer, tmp_path: Path) -> Iterator[ExecutorService]:
    with ExecutorService(nats.url, tmp_path / "data") as running:
        yield running


@pytest.fixture
async def streams(yard: Yard) -> Streams:
    return Streams(yard.bus, timeout_s=30)


async def running(yard: Yard, text: str = "") -> tuple[JobView, RunAt]:
    """A job that runs until the test lets it go on."""
    view = await yard.place(f"{text}\n{Yard.WAIT_FOR_GO}")
    await yard.said(view, "started")
    return view, RunAt(view.id, 1, NODE)


async def dialed(streams: Streams, run: RunAt, port: int) -> socket.socket:
    """A connection to the port, as soon as something listens there."""
    found: list[socket.socket] = []

    async def there() -> bool:
        with suppress(Conflict):
            found.append(await streams.dial(run, port))
        return bool(found)

    await until(there, f"something listens on {port}")
    return found[0]


@pytest.mark.usefixtures("executor")
async def test_a_program_runs_in_the_job_with_three_streams_and_an_exit_status(yard: Yard, streams: Streams) -> None:
    view, run = await running(yard)
    script = "cat; echo $JOBYARD_JOB_ID $MORE >&2; exit 3"
    process = await streams.start(run, Child(argv=("/bin/sh", "-c", script), env={"MORE": "grüße"}))
    assert process.stdin is not None
    os.write(process.stdin, b"hello\n")
    os.close(process.stdin)
    assert await everything(process.stdout) == b"hello\n"
    assert (await everything(process.stderr)).decode() == f"{view.id} grüße\n"
    assert await process.ended() == Exit(3)
    process.close()


@pytest.mark.usefixtures("executor")
async def test_a_terminal_is_a_real_one(yard: Yard, streams: Streams) -> None:
    _, run = await running(yard)
    terminal = Terminal(term="vt100", columns=77, rows=33)
    process = await streams.start(run, Child(argv=("/bin/sh", "-i"), terminal=terminal))
    assert process.terminal is not None
    os.write(process.terminal, b"echo $TERM; stty size; sleep 600\n")
    assert b"vt100\r\n33 77\r\n" in await until_said(process.terminal, b"33 77\r\n")
    process.resize(100, 50)
    os.write(process.terminal, b"\x03")
    os.write(process.terminal, b"echo in'terrupted' $?; stty size; exit 7\n")
    assert b"50 100\r\n" in await until_said(process.terminal, b"50 100\r\n")
    assert await process.ended() == Exit(7)
    close(process)


@pytest.mark.usefixtures("executor")
async def test_a_port_of_the_job_is_connected_to(yard: Yard, streams: Streams) -> None:
    _, run = await running(yard, "exec python3 -m http.server 18765 --bind 127.0.0.1 2> http.log")
    connection = await dialed(streams, run, 18765)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, b"GET / HTTP/1.0\r\n\r\n")
    assert (await loop.sock_recv(connection, 100)).startswith(b"HTTP/1.0 200 OK\r\n")
    connection.close()
