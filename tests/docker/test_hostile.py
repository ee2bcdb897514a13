"""What people do against a node's containers: links in place of folders, images that are made for it, forged words."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.backends.docker.containers import Limits
from services.executor.backends.docker.engine import Engine
from services.executor.backends.frames import STDOUT
from services.executor.backends.process import marks
from services.executor.backends.protocol import Folders, RunOrder
from services.executor.domain.observation import Cancelled, Ended, Lost, Started
from shared.contracts.errors import Conflict, Unavailable
from shared.contracts.streams import Child, Terminal
from shared.streams.files import beside
from tests.support.benches import opened_in_docker
from tests.support.docker import IMAGE, build, docker, engine
from tests.support.docker_bench import SOMEBODY, DockerBench
from tests.support.engine_proxy import before_creating
from tests.support.executor_backend import processes_of
from tests.support.programs import needs
from tests.support.registry_double import Manner, RegistryDouble
from tests.support.streams import Held
from tests.support.waiting import until

# --- folders that are moved between the look at them and their mount


class Yard:
    """A job's folders, some of them below a folder that another job may rename; and a folder that is the machine's."""

    def __init__(self, folder: Path) -> None:
        self.machine = folder / "machine"
        self.machine.mkdir(mode=0o700)
        (self.machine / "in").mkdir(mode=0o755)
        (self.machine / "in" / "shadow").write_text("the machine's own\n")
        self.above = folder / "above"
        (self.above / "in").mkdir(parents=True)
        self.folder = folder

    def order(self, bench: DockerBench, name: str) -> RunOrder:
        """`name`: of its folders, the one that the other job may move."""
        work = bench.folder
        folders = Folders(work, work, work, None, self.folder / "reports.jsonl")
        order = bench.order(f"cat {self.above}/in/shadow; ls {self.above}/in; echo ran > {work}/ran")
        return replace(order, folders=replace(folders, **{name: self.above / "in"}))

    def swap(self) -> None:
        if not self.above.is_symlink():
            self.above.rename(self.folder / "moved")
            self.above.symlink_to(self.machine)


def nothing_happened(bench: DockerBench, order: RunOrder, yard: Yard) -> bool:
    output = bench.backend.output(order.run_id)
    assert not bench.lines("ran")
    assert (yard.machine / "in").stat().st_uid == os.geteuid()
    return not output.exists() or not output.read_bytes()


@pytest.mark.parametrize("name", ["data", "job", "checkpoints"])
async def test_a_link_that_is_swapped_in_before_the_mount_mounts_nothing_and_gives_nothing_away(
    bench: DockerBench, tmp_path: Path, name: str
) -> None:
    """As while an image is pulled, which takes minutes."""
    yard = Yard(tmp_path)
    (yard.machine / "in" / "shadow").unlink()  # an empty folder of root's: what an executor gives away at other times
    order = yard.order(bench, name)
    yard.swap()
    reason = (await bench.refused(order)).reason
    assert (reason.code, reason.details) == ("path_moved", {"path": str(yard.above / "in")})
    assert str(yard.above / "in") in reason.message
    assert nothing_happened(bench, order, yard)


@pytest.mark.parametrize("name", ["data", "work"])
async def test_a_link_that_is_swapped_in_while_the_engine_mounts_is_seen_before_the_command_starts(
    tmp_path: Path, name: str
) -> None:
    yard = Yard(tmp_path)
    async with (
        before_creating(engine(), tmp_path, yard.swap) as host,
        opened_in_docker(tmp_path, host=host) as bench,
    ):
        order = yard.order(bench, name)
        seen = await bench.refused(order)
        assert (seen.reason.code, seen.busy) == ("path_moved", False)
        made = bench.container(order.run_id)
        assert "machine" not in docker("logs", made)
        assert nothing_happened(bench, order, yard)
        await bench.reopen()
        assert await bench.seen(order.run_id) == seen


async def test_a_folder_that_root_keeps_for_others_is_not_given_to_whoever_names_it(
    bench: DockerBench, tmp_path: Path
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "weights").touch()
    order = bench.order("true")
    await bench.backend.launch([replace(order, folders=replace(order.folders, job=kept))])
    await bench.ended(order.run_id)
    assert kept.stat().st_uid == os.geteuid()


# --- images


EVIL = """
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void loaded(void) {
    FILE *file = fopen("/tmp/loaded", "a");
    if (file) { fprintf(file, "%d\\n", getpid()); fclose(file); }
}
"""
HOSTILE_IMAGE = f"""
FROM {IMAGE}
COPY evil.so /evil.so
RUN echo /evil.so > /etc/ld.so.preload && chmod 1777 /tmp && rm -f /tmp/loaded \\
    && echo "ada:x:{SOMEBODY.uid}:0::/:/bin/sh" >> /etc/passwd && echo "docker:x:999:ada" >> /etc/group
ENV LD_PRELOAD=/evil.so PYTHONSTARTUP=/evil.py HOME=/home/ada
LABEL jobyard.home=another jobyard.grace=0
VOLUME /.jobyard /data/volume
HEALTHCHECK CMD echo healthy
"""


def make_hostile_image(folder: Path) -> str:
    needs("cc")
    folder.mkdir()
    (folder / "evil.c").write_text(EVIL)
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "evil.so", folder / "evil.c"], check=True)
    (folder / "Dockerfile").write_text(HOSTILE_IMAGE)
    build("jobyard-test/hostile:1", folder)
    return "jobyard-test/hostile:1"


async def test_no_image_puts_code_into_the_supervisor_or_its_users_into_groups(
    bench: DockerBench, tmp_path: Path
) -> None:
    image = await asyncio.to_thread(make_hostile_image, tmp_path / "image")
    order = replace(bench.order("cat /tmp/loaded; echo $LD_PRELOAD $HOME; id -G"), image=image)
    await bench.backend.launch([order])
    assert (await bench.ended(order.run_id)).exit_code == 0
    *loaded, variables, groups = bench.output(order.run_id)[STDOUT].decode().splitlines()
    assert loaded and "1" not in loaded, "into the command, as its image says, but not into the first process"
    assert variables == "/evil.so /home/ada"
    assert groups == str(SOMEBODY.gid)


async def test_what_a_registry_says_is_told_in_one_line_that_ends_and_no_word_of_it_leaves_a_run_waiting(
    bench: DockerBench,
) -> None:
    with RegistryDouble() as registry:
        for lines in (100, 1_000, 1_000_000):
            said = {"errors": [{"code": "UNKNOWN", "message": "\x1b[2J\u202eno\r\n" * lines}]}
            kind = {"Content-Type": "application/json"}
            registry.manner = Manner(status=400, headers=kind, body=json.dumps(said).encode())
            seen = await bench.refused(replace(bench.order("true"), image=f"{registry.name}/team/train:3"))
            assert seen.reason.code == "image_unavailable"
            assert seen.reason.message.isprintable() and len(seen.reason.model_dump_json()) < 4000


async def test_no_image_is_found_by_the_beginning_of_its_id(bench: DockerBench) -> None:
    id = docker("image", "inspect", "--format", "{{.Id}}", IMAGE).strip()
    digits = id.removeprefix("sha256:")
    asked = Engine(engine())
    await asked.open()
    try:
        for beginning in (digits[:4], digits[:12], digits[:63], f"sha256:{digits[:2]}", id):
            assert docker("image", "inspect", "--format", "{{.Id}}", beginning).strip() == id, "the engine would"
            assert await asked.image(beginning) is None
        found = await asked.image(IMAGE)
        assert found is not None and (found.id, found.name) == (id, IMAGE)
    finally:
        await asked.close()


async def test_a_registry_that_operators_do_not_allow_is_not_even_asked(tmp_path: Path) -> None:
    async with opened_in_docker(tmp_path, registries=("docker.io",)) as bench:
        with RegistryDouble() as registry:
            seen = await bench.refused(replace(bench.order("true"), image=f"{registry.name}/team/train:3"))
            assert (seen.reason.code, seen.busy) == ("registry_forbidden", False)
            assert registry.asked == []
        await bench.ended(await bench.launch("true"))


# --- what a run writes where its supervisor does


FORGED = {
    "an end": ">>",
    "nothing": "true >",
    "a tombstone": "printf 'pid=\\nboot_id=x\\nstarted_at=1\\n.\\n' >",
    "another machine's claim": "printf 'pid=1\\nboot_id=x\\nstarted_at=99999999999999999999999\\n.\\n' >",
    "no words": "head -c 3000000 /dev/urandom >",
}
END = "started_at=1\\nended_at=2\\nexit_code=0\\nsignal=\\nstopped=True\\nforced=False\\noutput_bytes=0\\n.\\n"


@pytest.mark.parametrize("forged", FORGED)
async def test_what_lives_is_not_over_whatever_it_says_of_itself(bench: DockerBench, forged: str) -> None:
    write = f"printf '{END}' >>" if forged == "an end" else FORGED[forged]
    id = await bench.runs(f"run=$(echo /.jobyard-*/run.run); {write} $run && echo forged >> forged")
    assert bench.lines("forged"), "it can write there"
    began = await bench.reaches(id, Started)
    await bench.reopen()
    assert await bench.seen(id) == began
    assert began.started_ns > 1_700_000_000 * 10**9
    await bench.backend.stop(id)
    await until(lambda: processes_of(id) == [], "its processes are gone")
    assert not isinstance(await bench.reaches(id, Ended, Lost, Cancelled), Cancelled)


ANSWERS = {
    "nothing": b"",
    "no JSON": b"hello\n",
    "a list": b"[]\n",
    "no number": b'{"pid": "1"}\n',
    "no code": b'{"refused": {"$ne": null}, "message": "x"}\n',
    "too deep": b"[" * 30_000 + b"\n",
    "too long": b"x" * 100_000 + b"\n",
    "no terminal": b'{"pid": 1}\n',
}


async def test_whatever_answers_at_a_runs_door_is_taken_by_its_form(bench: DockerBench) -> None:
    id = await bench.runs()
    async with Held(await bench.backend.exec(id, Child(argv=("true",)))) as child:
        await child.exit()
    answer, times = b"", 0

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = own.accept()
                with connection, contextlib.suppress(OSError):
                    connection.recv(65_536)
                    for _ in range(times):
                        socket.send_fds(connection, [b" "], [terminal])
                    connection.sendall(answer)

    door = Path(f"{bench.base(id)}{marks.WAYS}") / "control"
    door.unlink()
    terminal, other = os.openpty()
    with socket.socket(socket.AF_UNIX) as own:
        folder, path = beside(door.parent, door.name)
        own.bind(path)
        os.close(folder)
        own.listen()
        serving = asyncio.create_task(asyncio.to_thread(serve))
        before = len(os.listdir("/proc/self/fd"))
        for answer in ANSWERS.values():  # noqa: B007  (what `serve` says)
            with pytest.raises((Unavailable, Conflict)):
                await bench.backend.exec(id, Child(terminal=Terminal(rows=9, columns=9)))
        answer, times = b'{"pid": 7}\n', 200
        with pytest.raises(Unavailable):
            await bench.backend.exec(id, Child(terminal=Terminal(rows=9, columns=9)))
        answer = b'{"dialed": true}\n'
        with await bench.backend.dial(id, 8888) as dialed:
            assert (dialed.getblocking(), dialed.recv(100)) == (False, b""), "it is whose it was, and nobody is there"
        await until(lambda: len(os.listdir("/proc/self/fd")) <= before, "none of what came is left")
        own.shutdown(socket.SHUT_RDWR)
        await serving
    os.close(terminal)
    os.close(other)


# --- what a node limits


BOMB = """
import subprocess
all = []
try:
    while True:
        all.append(subprocess.Popen(['sleep', '600']))
except BlockingIOError:
    print('no more')
for each in all:
    each.kill()
    each.wait()
"""


async def test_a_run_takes_no_more_of_the_node_than_it_may(tmp_path: Path) -> None:
    async with opened_in_docker(tmp_path, limits=Limits(memory_mib=64, pids=24, read_only=True)) as bench:
        script = (
            f'python3 -c "{BOMB}"; touch /made || touch /etc/made || echo read only; touch /tmp/made && echo room; '
            "ulimit -Hc; cat /proc/self/oom_score_adj; ls /dev | grep -c -E '^(sd|vd|nvme|loop|mem|kmsg)'; "
            "python3 -c 'b = bytearray(1 << 28)' || echo killed"
        )
        order = bench.order(script)
        await bench.backend.launch([order])
        await bench.ended(order.run_id)
        said = bench.output(order.run_id)[STDOUT].decode().splitlines()
        assert said == ["no more", "read only", "room", "0", "500", "0", "killed"]


async def test_what_a_run_leaves_where_its_supervisor_writes_goes_with_it(bench: DockerBench) -> None:
    deep = "import os\nfor _ in range(3000):\n    os.mkdir('d'); os.chdir('d')\nos.chmod('.', 0)"
    script = f'cd /.jobyard-*/run.ways && ln -s /etc link && mkfifo pipe && python3 -c "{deep}" && ls'
    order = bench.order(script)
    await bench.backend.launch([order])
    assert (await bench.ended(order.run_id)).exit_code == 0
    await bench.backend.forget([order.run_id])
    assert list(bench.base(order.run_id).parent.iterdir()) == []
    assert (await asyncio.to_thread(Path("/etc/passwd").stat)).st_size
