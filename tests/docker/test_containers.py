"""What only the backend `docker` promises: what a run can and cannot do in its container, and what is said of one that
the engine, the kernel or a stranger has ended.
"""

import asyncio
import socket
import subprocess
import tarfile
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.backends.frames import STDERR, STDOUT
from services.executor.backends.process import marks
from services.executor.backends.protocol import Folders, RunOrder
from services.executor.domain.observation import Cancelled, Lost, Started
from shared.contracts.errors import Unavailable
from shared.contracts.streams import Child
from tests.support.benches import opened_in_docker
from tests.support.docker import IMAGE, docker
from tests.support.docker_bench import SOMEBODY, DockerBench
from tests.support.executor_backend import processes_of
from tests.support.listening import heard, listens, not_dialled
from tests.support.programs import needs
from tests.support.streams import Held
from tests.support.waiting import until


async def said(bench: DockerBench, order: RunOrder) -> list[str]:
    """What the run's command prints."""
    await bench.backend.launch([order])
    await bench.ended(order.run_id)
    return bench.output(order.run_id)[STDOUT].decode().splitlines()


# --- what it can do


async def test_a_run_is_nobody_and_can_become_nobody_else(bench: DockerBench) -> None:
    script = "id -u; id -g; grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status | tr -d '\\t'"
    assert await said(bench, bench.order(script)) == [
        str(SOMEBODY.uid),
        str(SOMEBODY.gid),
        "CapEff:0000000000000000",
        "CapBnd:0000000000000000",
        "NoNewPrivs:1",
        "Seccomp:2",
    ]


async def test_data_can_be_read_and_only_the_jobs_own_folders_written(bench: DockerBench, tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("job", "data", "elsewhere")}
    for folder in folders.values():
        folder.mkdir()
    (folders["data"] / "sample").write_text("42\n")
    script = (
        f"cat {folders['data']}/sample; touch {folders['data']}/new || echo read only; ls {folders['elsewhere']} || "
        f"echo not there; touch {folders['job']}/made work reported && echo written; df -m /dev/shm | tail -1 | "
        "tr -s ' ' | cut -d' ' -f2"
    )
    own = Folders(
        folders["job"], folders["job"] / "checkpoints", bench.folder, folders["data"], tmp_path / "reports.jsonl"
    )
    own.checkpoints.mkdir()
    order = replace(bench.order(script), folders=own, memory_mib=128)
    assert await said(bench, order) == ["42", "read only", "not there", "written", "64"]
    assert (folders["job"] / "made").stat().st_uid == SOMEBODY.uid


async def test_secrets_stand_in_nothing_that_the_engine_shows_or_the_node_keeps(bench: DockerBench) -> None:
    order = bench.order(f"echo $TOKEN; {bench.WAIT_FOR_GO}", hidden=("s3cret-value",))
    order.env["TOKEN"] = "s3cret-value"
    await bench.backend.launch([order])
    await until(lambda: order.run_id in bench.wrote, "it runs")
    shown = docker("inspect", bench.container(order.run_id)) + docker("logs", bench.container(order.run_id))
    kept = [path.read_bytes() for path in bench.base("").parent.glob(f"{order.run_id}.*") if path.is_file()]
    assert "s3cret-value" not in shown
    assert not any(b"s3cret-value" in content for content in kept)
    bench.go()
    await bench.ended(order.run_id)
    assert bench.output(order.run_id)[STDOUT] == b"***\n"


async def test_limits_are_the_engines_and_what_goes_over_its_memory_is_told_in_words(bench: DockerBench) -> None:
    greedy = "python3 -c 'b = bytearray(1 << 30)'; echo $?"
    order = replace(bench.order(greedy), memory_mib=64, cpus=0.5)
    await bench.backend.launch([order])
    ended = await bench.ended(order.run_id)
    assert bench.output(order.run_id)[STDOUT] == b"137\n", "a child of the command"
    assert ended.exit_code == 0
    assert b"jobyard: out of memory: the kernel killed a process of the run" in bench.output(order.run_id)[STDERR]
    limits = docker("inspect", "-f", "{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}", bench.container(order.run_id))
    assert limits.split() == [str(500_000_000), str((64 + 16) << 20)]
    itself = replace(bench.order(("python3", "-c", "b = bytearray(1 << 30)")), memory_mib=64)
    await bench.backend.launch([itself])
    assert (await bench.ended(itself.run_id)).signal == "SIGKILL"
    assert b"out of memory" in bench.output(itself.run_id)[STDERR]


def make_bare_image(folder: Path) -> None:
    """Of one program, which needs nothing but the kernel."""
    needs("cc")
    (folder / "hello.c").write_text('#include <unistd.h>\nint main(void) { return write(1, "bare\\n", 5) + 2; }\n')
    subprocess.run(["cc", "-static", "-o", folder / "hello", folder / "hello.c"], check=True)
    with tarfile.open(folder / "image.tar", "w") as tar:
        tar.add(folder / "hello", "hello")
    docker("import", str(folder / "image.tar"), "jobyard-test/bare:1")


async def test_an_image_needs_no_shell_no_library_and_no_python(bench: DockerBench, tmp_path: Path) -> None:
    await asyncio.to_thread(make_bare_image, tmp_path)
    order = replace(bench.order(("/hello",)), image="jobyard-test/bare:1")
    await bench.backend.launch([order])
    assert (await bench.ended(order.run_id)).exit_code == 7
    assert bench.output(order.run_id)[STDOUT] == b"bare\n"


def meeting(bench: DockerBench, also: str = "pass") -> tuple[RunOrder, RunOrder]:
    """Two ranks that meet; the second one runs `also` before."""
    first = bench.order(
        "python3 -c \"import os, socket; s = socket.create_server(('', int(os.environ['MASTER_PORT'])));"
        " c = s.accept()[0]; print(c.recv(100).decode()); c.sendall(b'welcome')\""
    )
    first = replace(first, ranks=2, env=first.env | {"MASTER_PORT": "23456"})
    joins = (
        "import os, socket, time\n"
        f"{also}\n"
        "while True:\n"
        "    try:\n"
        "        c = socket.create_connection((os.environ['MASTER_ADDR'], int(os.environ['MASTER_PORT']))); break\n"
        "    except OSError: time.sleep(0.05)\n"
        "c.sendall(b'rank ' + os.environ['RANK'].encode()); print(c.recv(100).decode())"
    )
    second = replace(bench.order(("python3", "-c", joins), run_id=f"{first.run_id}-1"), ranks=2, rank=1)
    return first, replace(second, env=second.env | {"MASTER_PORT": "23456", "RANK": "1"})


async def test_ranks_of_a_run_reach_one_another_by_name_and_no_other_run_does(bench: DockerBench) -> None:
    first, second = meeting(bench)
    await bench.backend.launch([first, second])
    await bench.ended(first.run_id)
    await bench.ended(second.run_id)
    assert bench.output(first.run_id)[STDOUT] == b"rank 1\n"
    assert bench.output(second.run_id)[STDOUT] == b"welcome\n"
    own = f"label={bench.label}"
    await until(lambda: docker("network", "ls", "-q", "--filter", own) == "", "their network is gone with them")
    await bench.backend.forget([first.run_id, second.run_id])


async def test_a_network_goes_with_the_last_rank_also_if_that_ends_while_no_executor_runs(bench: DockerBench) -> None:
    own = f"label={bench.label}"
    first = replace(bench.order("true"), ranks=2)
    second = replace(bench.order(bench.WAIT_FOR_GO, run_id=f"{first.run_id}-1"), ranks=2, rank=1)
    await bench.backend.launch([first, second])
    await bench.ended(first.run_id)
    await bench.reaches(second.run_id, Started)
    assert docker("network", "ls", "-q", "--filter", own), "the second one is in it"
    await bench.close()
    bench.go()
    made = bench.container(second.run_id)
    await until(lambda: docker("inspect", "-f", "{{.State.Running}}", made).strip() == "false", "it is over")
    await bench.open()
    await bench.ended(second.run_id)
    await until(lambda: docker("network", "ls", "-q", "--filter", own) == "", "their network is gone with them")


@pytest.fixture
async def lonely(tmp_path: Path) -> AsyncIterator[DockerBench]:
    """Its runs are in no network."""
    async with opened_in_docker(tmp_path, network="none") as bench:
        yield bench


REACHES = """
def reaches(address, port):
    try:
        socket.create_connection((address, port), 2).close()
    except OSError:
        return False
    return True
own = socket.gethostbyname(socket.gethostname())
print([reaches(address, %(port)d) for address in (own.rpartition('.')[0] + '.1', '%(address)s')])
"""
"""Whether this machine is reached at its address in the rank's network, and at one outside of that."""


async def test_ranks_without_any_network_reach_one_another_and_neither_this_machine_nor_others(
    lonely: DockerBench,
) -> None:
    outside = docker("network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}").strip()
    with closing(socket.create_server(("", 0))) as machine:
        first, second = meeting(lonely, REACHES % {"port": machine.getsockname()[1], "address": outside})
        await lonely.backend.launch([first, second])
        await lonely.ended(first.run_id)
        await lonely.ended(second.run_id)
    assert lonely.output(first.run_id)[STDOUT] == b"rank 1\n"
    assert lonely.output(second.run_id)[STDOUT] == b"[False, False]\nwelcome\n"


async def test_without_any_network_a_port_is_reached_all_the_same(lonely: DockerBench) -> None:
    listen = (
        "import socket; s = socket.create_server(('127.0.0.1', 8888)); open('ready', 'w').write('x\\n');"
        " c = s.accept()[0]; c.sendall(b'hello'); c.close()"
    )
    id = await lonely.launch(("python3", "-c", listen))
    await until(lambda: lonely.lines("ready"), "it listens")
    with closing(await lonely.backend.dial(id, 8888)) as connection:
        assert await asyncio.get_running_loop().sock_recv(connection, 100) == b"hello"


async def test_two_jobs_may_listen_on_one_port_and_each_is_reached_as_itself(bench: DockerBench) -> None:
    first, second = await listens(bench, 8888), await listens(bench, 8888, "0.0.0.0")
    for id in (first, second):
        assert await heard(await bench.backend.dial(id, 8888)) == f"hello from {id}"
    with closing(socket.create_server(("", 0))) as machine:
        assert (await not_dialled(bench, first, machine.getsockname()[1])).details["code"] == "not_listening"


# --- what is refused


async def test_an_image_that_cannot_be_had_is_refused_with_the_registrys_words(bench: DockerBench) -> None:
    """The registry is a server of this test, which has nothing."""

    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readline() not in (b"\r\n", b""):
            pass
        body = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}'
        head = f"HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        writer.write(f"{head}Connection: close\r\n\r\n".encode() + body)
        writer.close()

    server = await asyncio.start_server(nothing, "127.0.0.1", 0)
    async with server:
        image = f"127.0.0.1:{server.sockets[0].getsockname()[1]}/missing:1"
        final = await bench.refused(replace(bench.order("true"), image=image))
    assert not final.busy
    assert final.reason.code == "image_unavailable"
    assert image in final.reason.message and "manifest unknown" in final.reason.message
    later = await bench.refused(replace(bench.order("true"), image=image))
    assert later.busy and later.own, "nobody answers there any more: another time it might"


async def test_a_stop_does_not_wait_for_an_image_and_others_start_meanwhile(bench: DockerBench) -> None:
    """The registry is a port of this test that answers nobody."""
    with socket.create_server(("127.0.0.1", 0)) as registry:
        registry.setblocking(False)
        image = f"127.0.0.1:{registry.getsockname()[1]}/slow:1"
        waiting = [replace(bench.order("true"), image=image) for _ in range(6)]
        await bench.backend.launch(waiting)
        asked, _ = await asyncio.get_running_loop().sock_accept(registry)
        with asked:
            await bench.ended(await bench.launch("true"))
            for order in waiting:
                await bench.backend.stop(order.run_id)
                assert isinstance(await bench.seen(order.run_id), Cancelled)


async def test_a_refusal_is_the_same_for_the_next_executor(bench: DockerBench) -> None:
    order = replace(bench.order("true"), cpus=0.0, image="jobyard-test/never-made:1", memory_mib=1)
    order = replace(order, folders=replace(order.folders, data=Path("/no/such/data")), image=None)
    first = await bench.refused(order)
    assert "/no/such/data" in first.reason.message
    await bench.reopen()
    await bench.backend.launch([order])
    assert await bench.seen(order.run_id) == first


async def test_without_an_image_a_run_is_refused(tmp_path: Path) -> None:
    async with opened_in_docker(tmp_path, image=None) as bench:
        assert (await bench.refused(bench.order("true"))).reason.code == "no_image"


# --- what ends it from outside


async def test_a_container_that_is_killed_or_removed_is_a_run_that_is_lost(bench: DockerBench) -> None:
    killed, removed = await bench.runs(), await bench.runs()
    docker("kill", bench.container(killed))
    docker("rm", "--force", bench.container(removed))
    assert (await bench.reaches(killed, Lost)).reason.code == "container_killed"
    assert (await bench.reaches(removed, Lost)).reason.code == "container_removed"
    await bench.reopen()
    assert (await bench.reaches(killed, Lost)).reason.code == "container_killed"
    assert processes_of(killed) == []


async def test_whoever_else_stops_a_container_lets_it_save_and_the_run_is_lost(bench: DockerBench) -> None:
    id = await bench.runs("trap 'echo saved >> ledger; exit 0' TERM")
    docker("stop", bench.container(id))
    assert (await bench.reaches(id, Lost)).reason.code == "stopped_from_outside"
    assert bench.lines("ledger") == ["saved"]


async def test_what_a_run_puts_in_place_of_its_door_leads_nowhere(bench: DockerBench, tmp_path: Path) -> None:
    id = await bench.runs("echo > /dev/null")
    async with Held(await bench.backend.exec(id, Child(argv=("true",)))) as child:
        await child.exit()
    ways = Path(f"{bench.base(id)}{marks.WAYS}")
    (ways / "control").unlink()
    other = tmp_path / "other.sock"
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(other))
        stranger.listen()
        stranger.setblocking(False)
        (ways / "control").symlink_to(other)
        with pytest.raises(Unavailable):
            await bench.backend.exec(id, Child(argv=("true",)))
        with pytest.raises(BlockingIOError):
            stranger.accept()


# --- the next executor


async def test_a_container_that_never_got_its_order_is_made_again(bench: DockerBench) -> None:
    """An executor was killed between the engine's start and the order."""
    order = bench.order("echo started >> ledger; exit 4")
    docker("run", "-d", "--name", bench.container(order.run_id), "--label", bench.label, IMAGE, "sleep", "600")
    await bench.backend.launch([order])
    assert (await bench.ended(order.run_id)).exit_code == 4
    assert bench.lines("ledger") == ["started"]


async def test_a_container_of_that_name_that_is_a_strangers_is_left_alone(bench: DockerBench) -> None:
    order = bench.order("true")
    name = bench.container(order.run_id)
    docker("run", "-d", "--name", name, IMAGE, "sleep", "600")
    try:
        assert name in (await bench.refused(order)).reason.message
        assert docker("inspect", "-f", "{{.State.Running}}", name).strip() == "true"
    finally:
        docker("rm", "-f", name)


async def test_network_is_what_has_come_into_the_container(bench: DockerBench) -> None:
    size = 5 << 20

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(bytes(size))
        await writer.drain()
        writer.close()

    gateway = docker("network", "inspect", "-f", "{{(index .IPAM.Config 0).Gateway}}", "bridge").strip()
    server = await asyncio.start_server(serve, gateway, 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        takes = (
            f"import socket; came = socket.create_connection(('{gateway}', {port})).makefile('rb').read();"
            f" assert len(came) == {size}"
        )
        id = await bench.runs(f'python3 -c "{takes}"')

    async def counted() -> bool:
        return ((await bench.backend.measure([id]))[id].receive_bytes or 0) >= size

    await until(counted, "it is counted")
    seen = (await bench.backend.measure([id]))[id]
    assert seen.network_scope == "run" and size <= (seen.receive_bytes or 0) < 1.2 * size
    bench.go()
    totals = (await bench.ended(id)).totals
    assert totals is not None and totals.network_scope == "run"
    assert size <= (totals.receive_bytes or 0) < 1.2 * size
    assert await bench.backend.measure([id]) == {}
