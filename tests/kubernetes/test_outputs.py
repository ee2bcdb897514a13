"""What pods write, on a real cluster: whole and as it comes, and what is said of memory that was not enough."""

from dataclasses import replace

from services.executor.backends.frames import STDERR, STDOUT, split
from services.executor.backends.kubernetes import commands
from services.executor.backends.kubernetes.logs import BOUNDED
from services.executor.backends.kubernetes.tail import TAIL_BYTES
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.waiting import until

LONG = 3 << 20
MOST = 1 << 20
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


async def test_of_a_run_that_prints_too_much_the_beginning_and_the_last_words_are_kept(bench: KubernetesBench) -> None:
    bench.output_bytes = MOST
    await bench.reopen()
    id = await bench.launch("seq 1 500000; echo the last words; exit 3")
    ended = await bench.ended(id)
    said = bench.output(id)
    lines = said[STDOUT].splitlines()
    assert ended.exit_code == 3
    assert (lines[0], lines[-1]) == (b"1", b"the last words")
    assert said[STDERR] == f"{BOUNDED.format(mib=1)}\n".encode()
    assert MOST < ended.output_bytes < 2 * MOST + TAIL_BYTES


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
