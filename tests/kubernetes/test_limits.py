"""What a pod may use in a real cluster, of a job that says nothing of it."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.backends.frames import STDOUT
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import own
from tests.support.kubernetes.images import layer, layered
from tests.support.root_filesystem import root_filesystem


async def test_who_asks_for_no_memory_is_held_to_the_operators_limit_in_an_image_that_cannot_be_written(
    bench: KubernetesBench,
) -> None:
    bench.layout = replace(bench.layout, memory_mib=100, disk_mib=500, read_only_root=True, tmp_mib=10)
    await bench.reopen()
    looks = "touch /written 2> /dev/null || echo kept; echo temporary > /tmp/x && cat /tmp/x"
    shared = "df -m --output=size /dev/shm | tail -1"
    takes = "exec python3 -c 'data = bytearray(400 << 20)'"
    id = await bench.launch(f"{looks}; {shared}; {takes}")
    ended = await bench.ended(id)
    assert (ended.exit_code, ended.stopped) == (137, False)
    kept, temporary, mib = bench.output(id)[STDOUT].splitlines()
    assert (kept, temporary, int(mib)) == (b"kept", b"temporary", bench.layout.shared_memory_mib)
    whose = b"Out of memory: the run needed more than the 100Mi that a job has here which asks for none"
    assert whose in bench.everything(id)


async def test_a_run_that_fills_the_nodes_disk_has_failed_and_its_output_says_why(bench: KubernetesBench) -> None:
    bench.layout = replace(bench.layout, disk_mib=20)
    await bench.reopen()
    id = await bench.launch("echo writes; head -c 60000000 /dev/zero > /tmp/big; sleep 600")
    ended = await bench.ended(id)
    assert (ended.exit_code != 0, ended.stopped) == (True, False)
    said = bench.everything(id)
    assert said.startswith(b"writes\n")
    assert b"wrote more beside its folders than it may" in said


@pytest.mark.skipif("KUBECONFIG" in os.environ, reason="no image is put onto nodes that are not the tests' own")
async def test_no_image_puts_users_into_groups_unless_operators_let_it(bench: KubernetesBench, tmp_path: Path) -> None:
    user, group = bench.layout.user, bench.layout.group
    files = {
        "etc/passwd": f"root:x:0:0::/:/bin/sh\nada:x:{user}:0::/:/bin/sh\n".encode(),
        "etc/group": b"root:x:0:ada\nothers:x:4242:ada\n",
    }
    layers = [root_filesystem(), layer(tmp_path / "groups.tar", files)]
    image = "jobyard.test/hostile:1"
    said = {"Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]}
    archive = await asyncio.to_thread(layered, tmp_path / "image.tar", [image], layers, said)
    await asyncio.to_thread(own().nodes["node-1"].take, archive)
    for image_groups, groups in ((False, {str(group)}), (True, {str(group), "0", "4242"})):
        bench.layout = replace(bench.layout, image_groups=image_groups)
        await bench.reopen()
        order = replace(bench.order("id -G"), image=image)
        await bench.backend.launch([order])
        assert (await bench.ended(order.run_id)).exit_code == 0
        assert set(bench.output(order.run_id)[STDOUT].decode().split()) == groups
