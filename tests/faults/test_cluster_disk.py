"""The executor's disk in a cluster: a pod that prints more than it holds keeps none from starting, stopping, ending."""

import asyncio
from pathlib import Path

from services.executor.backends.frames import STDERR, split
from services.executor.backends.kubernetes.api import Document
from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.concluding import Concluding
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.outputs import NO_ROOM, Outputs
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.room import Room
from services.executor.backends.kubernetes.ways import Ways
from services.executor.domain.observation import Ended
from shared.ids import new_id
from tests.support.disks import small_disk
from tests.support.kubernetes.node_log import NodeLog
from tests.support.waiting import LONG_S, until

RUN, OTHER = f"{new_id()}.1", f"{new_id()}.1"
MIB = 1 << 20


class OnePod(Pods):
    """That of any run."""

    def __init__(self) -> None:
        """Nobody watches it."""

    def get(self, run_id: str) -> Document | None:
        return {"metadata": {"namespace": "jobyard-lab", "name": run_id, "annotations": {}}}


class Released(Calls):
    """Pods are let go, and nothing else is asked of the cluster."""

    def __init__(self) -> None:
        self.released: list[str] = []

    async def release(self, run_id: str) -> None:
        self.released.append(run_id)


async def test_a_run_that_prints_more_than_the_disk_holds_ends_and_others_are_started_and_stopped(
    tmp_path: Path,
) -> None:
    with small_disk(tmp_path / "disk", 16) as disk:
        node, kept, calls = NodeLog(), Kept(disk.folder), Released()
        node.write(*(b"x" * 10_000 for _ in range(3_000)))
        room = Room(disk.folder)
        ways, hidden = Ways(disk.folder, room), HiddenTexts(node)
        outputs = Outputs(node, kept, ways, OnePod(), calls, hidden, lambda run_id: None, room, patience_s=1)
        await outputs.follow(RUN)
        await until(lambda: disk.left() < 3 * MIB, "it has filled the disk")

        kept.keep_order(OTHER, {"namespace": "jobyard-lab"})
        kept.keep_start(OTHER, 1)
        kept.ask_to_stop(RUN, {"at_ns": 1})
        written = await asyncio.wait_for(outputs.finish(RUN, 2), LONG_S)
        end = Ended(1, 2, 137, "SIGKILL", stopped=True, forced=True, output_bytes=written.size)
        await Concluding(kept, calls, lambda *_: None).conclude(RUN, end)
        assert calls.released == [RUN]
        assert split(outputs.path(RUN).read_bytes())[0][-1][::2] == (STDERR, f"{NO_ROOM}\n".encode())
        assert disk.left() > MIB
        kept.let_go([RUN])
        kept.forget([RUN])
        assert disk.left() > 15 * MIB
