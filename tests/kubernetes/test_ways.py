"""The ways into pods: what only this backend has to answer for, since all bytes pass through the API server."""

import asyncio
import os
import socket
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import yaml

from services.executor.domain.observation import Started
from shared.contracts.errors import Conflict
from shared.contracts.streams import Child
from tests.support.executor_backend import processes_of
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import shared
from tests.support.ports import free_port
from tests.support.proxy import Proxy
from tests.support.streams import Held, everything
from tests.support.waiting import until

ANSWERS = (
    "import socket, sys\n"
    "server = socket.create_server(('127.0.0.1', int(sys.argv[1])))\n"
    "open(f'listening-{sys.argv[1]}', 'w').write('x\\n')\n"
    "while True:\n"
    "    peer = server.accept()[0]\n"
    "    asked = b''\n"
    "    while not asked.endswith(b'.'):\n"
    "        asked += peer.recv(1 << 20)\n"
    "    peer.sendall(asked * 3)\n"
    "    peer.close()\n"
)
"""Answers each question, which ends with a point, with that three times over."""


def shell(script: str, name: str | None = None) -> Child:
    return Child(argv=("/bin/sh", "-c", script), name=name)


async def held(bench: KubernetesBench, run_id: str, child: Child | str) -> Held:
    return Held(await bench.backend.exec(run_id, child))


async def test_bytes_of_any_kind_come_back_as_they_went_however_slowly_they_are_read(bench: KubernetesBench) -> None:
    id = await bench.runs()
    sent = os.urandom(3 << 20)
    execution = await bench.backend.exec(id, Child(argv=("cat",)))
    found = bytearray()
    try:
        writing = asyncio.create_task(asyncio.to_thread(write_all, execution.files.pop("stdin"), sent))
        while len(found) < len(sent):
            found += await asyncio.to_thread(os.read, execution.files["stdout"], 1 << 12)
        await writing
    finally:
        execution.close()
    assert bytes(found) == sent


def write_all(file: int, data: bytes) -> None:
    with open(file, "wb") as stream:
        stream.write(data)


async def test_many_are_in_a_run_at_once_and_no_two_mix(bench: KubernetesBench) -> None:
    id = await bench.runs()
    children = await asyncio.gather(*(held(bench, id, shell(f"read x; echo {n} $x; exit {n}")) for n in range(6)))
    for number, child in reversed(list(enumerate(children))):
        child.write("stdin", f"to {number}\n".encode())
    for number, child in enumerate(children):
        async with child:
            assert await child.everything("stdout") == f"{number} to {number}\n".encode()
            assert (await child.exit())["exit"] == number


async def test_a_port_has_many_connections_at_once_and_one_that_sends_no_more_still_hears_the_answer(
    bench: KubernetesBench,
) -> None:
    port = free_port()
    (bench.folder / "answers.py").write_text(ANSWERS)
    id = await bench.runs(f"(python3 answers.py {port} &)")
    await until(lambda: bench.lines(f"listening-{port}"), "it listens")

    async def asked(question: bytes) -> bytes:
        loop = asyncio.get_running_loop()
        with closing(await bench.backend.dial(id, port)) as connection:
            await loop.sock_sendall(connection, question)
            connection.shutdown(socket.SHUT_WR)
            return await everything(connection.detach())

    questions = [f"{number}".encode() * 50_000 + b"." for number in range(5)]
    assert await asyncio.gather(*map(asked, questions)) == [question * 3 for question in questions]


async def test_a_connection_that_is_cut_ends_the_child_and_tells_nobody_how_and_a_program_that_lasts_goes_on(
    bench: KubernetesBench, tmp_path: Path
) -> None:
    id = await bench.runs()
    config = yaml.safe_load(shared().read_text())
    server = urlsplit(config["clusters"][0]["cluster"]["server"])
    assert server.hostname is not None and server.port is not None
    with Proxy(server.port, server.hostname) as proxy:
        config["clusters"][0]["cluster"]["server"] = f"https://localhost:{proxy.port}"
        (tmp_path / "proxied.kubeconfig").write_text(yaml.safe_dump(config))
        await bench.reach_by(tmp_path / "proxied.kubeconfig")
        lab = shell("echo >> lab; trap '' HUP; exec sleep 600", name="jupyter")
        async with (
            await held(bench, id, shell("echo >> child; exec sleep 600")) as child,
            await held(bench, id, lab) as program,
        ):
            await until(lambda: bench.lines("child") and bench.lines("lab"), "both run")
            proxy.cut()
            with pytest.raises(ConnectionResetError):
                await child.exit()
            await until(lambda: sleepers(id) == 1, "the child is hung up")
            program.tell({"signal": "KILL"})
            assert (await program.exit())["signal"] == "KILL"
        await bench.close()


def sleepers(run_id: str) -> int:
    found = 0
    for process in processes_of(run_id):
        with suppress(psutil.Error):
            found += process.cmdline() == ["sleep", "600"]
    return found


async def test_what_an_image_lacks_to_keep_a_program_running_is_named(bench: KubernetesBench) -> None:
    order = bench.order(f"echo begun >> ledger; {bench.WAIT_FOR_GO}")
    await bench.backend.launch([replace(order, env=order.env | {"PATH": "/nowhere"})])
    await bench.reaches(order.run_id, Started)
    with pytest.raises(Conflict, match="the job's image needs setsid") as refusal:
        await bench.backend.exec(order.run_id, shell("sleep 600", name="jupyter"))
    assert refusal.value.details["code"] == "program_unusable"


async def test_a_program_that_ended_while_no_executor_was_there_has_its_last_words(bench: KubernetesBench) -> None:
    id = await bench.runs()
    script = "echo ready >> ledger; until [ -e end ]; do sleep 0.05; done; echo no more; touch over"
    async with await held(bench, id, shell(script, name="jupyter")):
        await until(lambda: bench.lines("ledger"), "it runs")
    await bench.close()
    bench.touch("end")
    await until((bench.folder / "over").exists, "it ends")
    await bench.open()
    said = bench.backend.output(id, "jupyter")
    await until(lambda: said.exists() and said.read_text() == "no more\n", "its words are here")


async def test_a_program_can_be_interrupted_and_no_variable_of_the_run_is_changed_for_it(
    bench: KubernetesBench,
) -> None:
    order = bench.order(f"echo begun >> ledger; {bench.WAIT_FOR_GO}")
    own = {"home": "mine", "pid": "mine", "line": "mine", "folder": "mine", "started": "mine"}
    await bench.backend.launch([replace(order, env=order.env | own)])
    await bench.reaches(order.run_id, Started)
    python = (
        "import os, signal, time\n"
        f"open('seen', 'w').write(str([os.environ[name] for name in {sorted(own)}]))\n"
        "try: time.sleep(600)\n"
        "except KeyboardInterrupt: raise SystemExit(9)\n"
    )
    async with await held(bench, order.run_id, Child(argv=("python3", "-c", python), name="jupyter")) as program:
        await until(lambda: bench.lines("seen"), "it runs")
        program.tell({"signal": "INT"})
        assert (await program.exit())["exit"] == 9
    assert bench.lines("seen") == [str(["mine"] * len(own))]
