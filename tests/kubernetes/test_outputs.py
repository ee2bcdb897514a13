"""What pods write, on a real cluster: whole and as it comes, and what is said of memory that was not enough."""

from dataclasses import replace

from services.executor.backends.frames import STDOUT, split
from services.executor.backends.kubernetes import commands
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.waiting import until

LONG = 3 << 20
PIECE = 1 << 17


async def test_a_line_without_an_end_is_stored_as_it_comes_and_in_small_pieces(bench: KubernetesBench) -> None:
    endless = f"head -c {LONG} /dev/zero | tr '\\0' x"
    id = await bench.runs(f"{endless} 2> /dev/null")
    await until(lambda: id in bench.wrote, "something of it is there")
    await until(lambda: len(bench.everything(id)) > LONG // 2, "most of the line is there before its end")
    bench.go()
    ended = await bench.ended(id)
    data = bench.backend.output(id).read_bytes()
    assert bench.output(id)[STDOUT] == b"x" * LONG
    assert ended.output_bytes == len(data)
    assert max(len(piece) for _, _, piece in split(data)[0]) <= PIECE


async def test_of_what_a_command_in_a_pod_says_without_end_only_so_much_is_taken(bench: KubernetesBench) -> None:
    id = await bench.runs()
    pod = await bench.api.get(bench.pod(id))
    assert len(await commands.said(bench.api, pod, ["/bin/sh", "-c", "yes"])) == commands.SAID_BYTES
    assert await commands.said(bench.api, pod, ["/bin/sh", "-c", "echo one"]) == b"one\n"


async def test_a_child_that_needs_too_much_memory_is_its_commands_affair(bench: KubernetesBench) -> None:
    program = (
        "import subprocess, sys\n"
        "child = subprocess.run([sys.executable, '-c', 'print(len(bytearray(400 << 20)))'])\n"
        "print('child', child.returncode)\n"
    )
    order = replace(bench.order(("/usr/bin/env", "python3", "-c", program)), memory_mib=100)
    await bench.backend.launch([order])
    assert (await bench.ended(order.run_id)).exit_code == 0
    assert bench.everything(order.run_id) == b"child -9\n", "nothing is said of it, since the run has coped"
