"""Streams into runs of a real executor, through its doorway: by descriptors on its machine, relayed from elsewhere."""

import asyncio
import json
import os
import shlex
import signal
import socket
import stat
from collections.abc import Awaitable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from shared.contracts.commands.streams import OPEN_STREAM
from shared.contracts.errors import Conflict, Invalid, Unavailable
from shared.contracts.job import JobView
from shared.contracts.streams import Child, OpenStream, Terminal
from shared.streams.client import RunAt, Streams
from shared.streams.files import write
from shared.streams.process import Exit
from tests.support.executor import NODE
from tests.support.executor_backend import processes_of
from tests.support.executor_service import ExecutorService, Yard
from tests.support.nats import NatsServer
from tests.support.ports import free_port
from tests.support.streams import close, drained, everything, listening, sleeping, until_said
from tests.support.waiting import until, wait_until


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
    process.stdin = None
    assert await drained(process, "stdout") == b"hello\n"
    assert (await drained(process, "stderr")).decode() == f"{view.id} grüße\n"
    assert await process.ended() == Exit(3)
    close(process)


@pytest.mark.usefixtures("executor")
async def test_a_terminal_is_a_real_one(yard: Yard, streams: Streams) -> None:
    _, run = await running(yard)
    terminal = Terminal(term="vt100", columns=77, rows=33)
    process = await streams.start(run, Child(argv=("/bin/sh", "-i"), terminal=terminal))
    assert process.terminal is not None
    os.write(process.terminal, b"echo $TERM; stty size; sleep 600\n")
    assert b"vt100\r\n33 77\r\n" in await until_said(process.terminal, b"33 77\r\n")
    await until(lambda: sleeping(f"{run.job_id}.1"), "the program runs")
    process.resize(100, 50)
    os.write(process.terminal, b"\x03")
    os.write(process.terminal, b"echo in'terrupted' $?; stty size; exit 7\n")
    assert b"50 100\r\n" in await until_said(process.terminal, b"50 100\r\n")
    assert await process.ended() == Exit(7)
    close(process)


@pytest.mark.usefixtures("executor")
async def test_a_port_of_the_job_is_connected_to(yard: Yard, streams: Streams) -> None:
    port = free_port()
    _, run = await running(yard, f"exec python3 -m http.server {port} --bind 127.0.0.1 2> http.log")
    connection = await dialed(streams, run, port)
    loop = asyncio.get_running_loop()
    await loop.sock_sendall(connection, b"GET / HTTP/1.0\r\n\r\n")
    assert (await loop.sock_recv(connection, 100)).startswith(b"HTTP/1.0 200 OK\r\n")
    connection.close()


# --- by its name


@pytest.mark.usefixtures("executor")
async def test_a_child_with_a_name_is_found_again_and_stopped_and_says_why_it_ended(
    yard: Yard, streams: Streams
) -> None:
    _, run = await running(yard)
    lab = Child(argv=("/bin/sh", "-c", "echo no kernel for you; exec sleep 600"), name="jupyter")
    first, second = await streams.start(run, lab), await streams.start(run, lab)
    assert first.pid == second.pid
    first.close()
    await until(lambda: _has_said(streams, run, "no kernel for you\n"), "it runs")
    await streams.stop(run, "jupyter")
    assert await second.ended() == Exit(143, "TERM")
    second.close()
    await streams.stop(run, "jupyter")
    assert await streams.said(run, "jupyter") == "no kernel for you\n"
    assert await streams.said(run, "tensorboard") == ""


async def _has_said(streams: Streams, run: RunAt, text: str) -> bool:
    return await streams.said(run, "jupyter") == text


# --- what goes wrong


@pytest.mark.usefixtures("executor")
async def test_what_there_is_no_way_to_is_refused_with_its_code(yard: Yard, streams: Streams) -> None:
    _, run = await running(yard)
    nothing, other_rank = RunAt(run.job_id, 2, NODE), RunAt(run.job_id, 1, NODE, rank=1)
    for at in (nothing, other_rank):
        assert await code_of(streams.dial(at, 18_000)) == "run_not_running"
        assert await code_of(streams.start(at, Child(argv=("true",)))) == "run_not_running"
    assert await code_of(streams.dial(run, free_port())) == "not_listening"
    with listening("127.0.0.1") as port:
        assert await code_of(streams.dial(run, port)) == "port_taken"
    assert await code_of(streams.start(run, Child(argv=("no-such-program",)))) == "program_missing"
    with pytest.raises(Invalid):
        await streams.dial(run, 22)
    with pytest.raises(Unavailable):
        await Streams(yard.bus, timeout_s=0.2).dial(RunAt(run.job_id, 1, "nowhere"), 18_000)
    yard.go()
    await yard.said((await yard.place()), "exited")
    await until(lambda: _over(streams, run), "the run is over")


async def _over(streams: Streams, run: RunAt) -> bool:
    return await code_of(streams.dial(run, 18_000)) == "run_not_running"


async def code_of(work: Awaitable[object]) -> str:
    with pytest.raises(Conflict) as refusal:
        await work
    return str(refusal.value.details["code"])


async def test_a_ticket_is_good_once_and_others_get_one_short_word(
    executor: ExecutorService, yard: Yard, streams: Streams
) -> None:
    _, run = await running(yard)
    ask = OpenStream(job_id=run.job_id, attempt=1, child=Child(argv=("true",)))
    ticket = (await yard.bus.ask(OPEN_STREAM.at(NODE), ask)).ticket
    used = await shown(executor, ticket.encode() + b"\n")
    assert json.loads(used)["pid"] > 0
    answers = [
        await shown(executor, line)
        for line in (ticket.encode() + b"\n", b"wrong\n", b"\xff\xfe\n", b"\n", ticket[:16].encode() + b"x\n")
    ]
    assert {json.loads(answer)["code"] for answer in answers} == {"unauthorized"}
    assert len(set(answers)) == 1
    assert await shown(executor, b"x" * 1000) == b"", "what is no ticket is cut off"


async def shown(executor: ExecutorService, line: bytes) -> bytes:
    """What the doorway answers to this line."""
    reader, writer = await asyncio.open_unix_connection(executor.data / "executor" / "streams.sock")
    writer.write(line)
    answer = await reader.read()
    writer.close()
    return answer


async def test_the_silent_make_room_for_others(executor: ExecutorService, yard: Yard, streams: Streams) -> None:
    _, run = await running(yard)
    path = executor.data / "executor" / "streams.sock"
    silent = [await asyncio.open_unix_connection(path) for _ in range(300)]
    process = await streams.start(run, Child(argv=("echo", "hello")))
    assert await drained(process, "stdout") == b"hello\n"
    close(process)
    for _, writer in silent:
        writer.close()


async def test_sockets_are_for_their_user_only(executor: ExecutorService, yard: Yard, streams: Streams) -> None:
    _, run = await running(yard)
    process = await streams.start(run, Child(argv=("true",)))
    await process.ended()
    close(process)
    doorway = executor.data / "executor" / "streams.sock"
    control = executor.home.home / "runs" / f"{run.job_id}.1.ways" / "control"
    for socket_path in (doorway, control):
        assert stat.S_ISSOCK(socket_path.stat().st_mode)
        assert stat.S_IMODE(socket_path.stat().st_mode) == 0o600
        assert stat.S_IMODE(socket_path.parent.stat().st_mode) == 0o700


# --- from elsewhere


@pytest.fixture
def far(nats: NatsServer, yard: Yard, tmp_path: Path) -> Iterator[ExecutorService]:
    """An executor that takes streams over TCP, and whose Unix socket is not to be seen from here."""
    with ExecutorService(nats.url, tmp_path / "data", stream_host="127.0.0.1") as running:
        doorway = running.data / "executor" / "streams.sock"
        wait_until(doorway.exists, "it serves its doorway")
        doorway.unlink()
        yield running


@pytest.mark.usefixtures("far")
async def test_from_another_machine_a_childs_streams_are_relayed(yard: Yard, streams: Streams) -> None:
    _, run = await running(yard)
    data = os.urandom(5_000_000)
    process = await streams.start(run, Child(shell_command="cat; echo error >&2; exit 3"))
    assert process.stdin is not None
    writing = asyncio.create_task(write_all(process.stdin, data))
    assert await drained(process, "stdout") == data
    assert await drained(process, "stderr") == b"error\n"
    assert await process.ended() == Exit(3)
    await writing
    process.stdin = None
    close(process)


async def write_all(file: int, data: bytes) -> None:
    await write(file, data)
    os.close(file)


@pytest.mark.usefixtures("far")
async def test_from_another_machine_a_terminal_has_its_size_and_its_keys(yard: Yard, streams: Streams) -> None:
    _, run = await running(yard)
    terminal = Terminal(columns=77, rows=33)
    process = await streams.start(run, Child(argv=("/bin/sh",), terminal=terminal))
    assert process.terminal is not None
    os.write(process.terminal, b"stty size; echo $PPID\n")
    await until_said(process.terminal, b"33 77\r\n")
    process.resize(100, 50)
    os.write(process.terminal, b"until stty size | grep '50 100'; do sleep 0.02; done; exit 7\n")
    assert await process.ended() == Exit(7)
    assert b"50 100\r\n" in await drained(process, "terminal")
    close(process)


@pytest.mark.usefixtures("far")
async def test_from_another_machine_signals_and_the_end_of_the_connection_reach_the_child(
    yard: Yard, streams: Streams
) -> None:
    _, run = await running(yard)
    process = await streams.start(run, Child(argv=("sleep", "600")))
    process.signal("INT")
    assert await process.ended() == Exit(130, "INT")
    close(process)
    process = await streams.start(run, Child(argv=("sleep", "601")))
    child = psutil.Process(process.pid)
    close(process)
    await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "it has ended")


@pytest.mark.usefixtures("far")
async def test_from_another_machine_a_port_is_relayed_and_a_half_that_is_closed_stays_so(
    yard: Yard, streams: Streams
) -> None:
    port = free_port()
    echo = (
        f"import socket; s = socket.create_server(('127.0.0.1', {port})); c = s.accept()[0]\n"
        "data = b''.join(iter(lambda: c.recv(65536), b'')); c.sendall(data[::-1]); c.close(); s.accept()\n"
    )
    _, run = await running(yard, f"python3 -c {shlex.quote(echo)} &")
    connection = await dialed(streams, run, port)
    loop = asyncio.get_running_loop()
    data = os.urandom(3_000_000)
    await loop.sock_sendall(connection, data)
    connection.shutdown(socket.SHUT_WR)
    assert await everything(connection.detach()) == data[::-1]
    assert await code_of(streams.start(run, Child(argv=("no-such-program",)))) == "program_missing"


# --- restarts


async def test_shells_and_named_children_outlive_a_killed_executor(
    executor: ExecutorService, yard: Yard, streams: Streams
) -> None:
    view, run = await running(yard)
    lab = Child(argv=("sleep", "600"), name="jupyter")
    named = await streams.start(run, lab)
    process = await streams.start(run, Child(argv=("/bin/sh",), terminal=Terminal()))
    assert process.terminal is not None
    executor.kill()
    os.write(process.terminal, b"echo $((40 + 2))\n")
    await until_said(process.terminal, b"42\r\n")
    named.close()
    executor.start()
    await until(lambda: _enters(streams, run), "the run is entered again")
    again = await streams.start(run, lab)
    assert again.pid == named.pid
    os.write(process.terminal, b"exit 5\n")
    assert await process.ended() == Exit(5)
    again.close()
    close(process)
    yard.go()
    assert (await yard.said(view, "exited")).fact == "exited"
    await until(lambda: not processes_of(f"{view.id}.1"), "nothing is left of the run")


async def _enters(streams: Streams, run: RunAt) -> bool:
    try:
        close(await streams.start(run, Child(argv=("true",))))
    except (Conflict, Unavailable):
        return False
    return True


@pytest.mark.usefixtures("executor")
async def test_a_run_that_ends_takes_its_children_with_it_and_says_so(yard: Yard, streams: Streams) -> None:
    view, run = await running(yard)
    process = await streams.start(run, Child(argv=("/bin/sh", "-c", "trap '' TERM HUP; while :; do sleep 0.02; done")))
    yard.go()
    await yard.said(view, "exited")
    assert await process.ended() == Exit(137, "KILL")
    close(process)


@pytest.mark.usefixtures("executor")
async def test_a_child_whose_supervisor_is_killed_has_no_exit_to_tell(yard: Yard, streams: Streams) -> None:
    view, run = await running(yard)
    process = await streams.start(run, Child(argv=("sleep", "600")))
    supervisor = (await yard.said(view, "started")).model_dump()["pid"]
    os.kill(supervisor, signal.SIGKILL)
    with pytest.raises(Unavailable):
        await process.ended()
    close(process)
    await yard.said(view, "lost")
    assert processes_of(f"{view.id}.1") == []


async def test_a_hundred_children_leave_no_descriptor_behind(
    executor: ExecutorService, yard: Yard, streams: Streams
) -> None:
    view, run = await running(yard)
    supervisor = (await yard.said(view, "started")).model_dump()["pid"]
    service = psutil.Process(executor.pid)

    async def batch() -> None:
        processes = await asyncio.gather(*(streams.start(run, Child(argv=("cat",))) for _ in range(100)))
        assert len({process.pid for process in processes}) == 100
        for process in processes[:50]:
            assert process.stdin is not None
            os.close(process.stdin)
            process.stdin = None
            assert await process.ended() == Exit(0)
        for process in processes:
            close(process)

    async def settled() -> tuple[int, int]:
        await until(lambda: len(psutil.Process(supervisor).children()) == 1, "the children are gone")
        counts: list[tuple[int, int]] = []

        async def same() -> bool:
            counts.append((psutil.Process(supervisor).num_fds(), service.num_fds()))
            return len(counts) > 5 and len(set(counts[-5:])) == 1

        await until(same, "the descriptors do not change")
        return counts[-1]

    await batch()
    before = await settled()
    await batch()
    assert await settled() == before
