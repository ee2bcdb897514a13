"""A run whose folders are not as they have to be, up to the moment when its pod would be asked for."""

import asyncio
import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.calls import Calls
from services.executor.backends.kubernetes.concluding import Concluding
from services.executor.backends.kubernetes.direct import Direct
from services.executor.backends.kubernetes.ending import Ending
from services.executor.backends.kubernetes.fences import Fences
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.launching import Launching
from services.executor.backends.kubernetes.layout import Layout, Storage
from services.executor.backends.kubernetes.mounts import mark_of
from services.executor.backends.kubernetes.namespaces import Namespaces
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.tasks import Tasks
from services.executor.backends.kubernetes.turns import AT_ONCE, Turns
from services.executor.backends.protocol import Folders, RunOrder
from services.executor.domain.observation import Cancelled, Refused
from services.executor.storages import Storages
from shared.ids import new_id
from tests.support.disks import small_disk
from tests.support.executor_backend import order_of
from tests.support.silent import Silence, silent_storage
from tests.support.waiting import until

NOBODYS = Path("/sys")
"""Where root makes no file either."""
LAYOUT = Layout(executor="cluster", image="a", storages=(Storage(Path("/"), "all"),), user=os.geteuid() or 1000)


class Cluster:
    """One that nobody reaches: what is refused before it is asked is all that is told."""

    def __init__(self, folder: Path, patience_s: float = 60.0) -> None:
        api, self.kept = Api(None), Kept(folder)
        self.kept.open()
        pods = Pods(api, LAYOUT.fence, Holders(), lambda run_id: None, self.kept.namespace)
        hidden = HiddenTexts(api)
        fences = Fences(api, LAYOUT, Namespaces(api, made=None), pods, self.kept)
        calls = Calls(api, LAYOUT.fence, self.kept, pods, fences, hidden)
        turns = Turns()
        self.concluding = Concluding(self.kept, calls, lambda run_id, seen: None)
        self.ending = Ending(self.kept, pods, calls, self.concluding, turns, Tasks())
        direct, storages = Direct(self.kept, pods), Storages(patience_s)
        self.launching = Launching(LAYOUT, self.kept, pods, calls, self.concluding, turns, direct, storages)

    async def refused(self, order: RunOrder) -> Refused:
        await self.launching.launch(order)
        told = self.concluding.told[order.run_id]
        assert isinstance(told, Refused)
        assert self.kept.order(order.run_id) is None, "nothing was asked of the cluster"
        return told


def order_in(job: Path, checkpoints: Path | None = None) -> RunOrder:
    folders = Folders(job, checkpoints or job, job, None, job / "reports")
    return replace(order_of(f"{new_id()}.1", ("train",), job, 1), folders=folders)


@pytest.fixture
def away(tmp_path: Path) -> Iterator[Silence]:
    with silent_storage(tmp_path / "away") as storage:
        yield storage


async def test_a_run_whose_folder_cannot_be_marked_is_refused_and_named(tmp_path: Path) -> None:
    order = order_in(NOBODYS)
    refused = await Cluster(tmp_path).refused(order)
    assert (refused.reason.code, refused.reason.details["path"]) == ("path_unusable", str(mark_of(order)))
    assert not refused.busy


async def test_a_run_whose_folder_is_on_a_full_storage_waits_and_says_so(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", mib=1, inodes=3) as disk:
        job = disk.folder / "job"
        (job / "checkpoints").mkdir(parents=True)
        order = order_in(job, job / "checkpoints")
        refused = await Cluster(tmp_path / "home").refused(order)
        assert (refused.busy, refused.own) == (True, True)
        assert (refused.reason.code, refused.reason.message) == (
            "disk_full",
            f"The disk that has {mark_of(order)} is full.",
        )


async def test_a_run_whose_folder_is_gone_is_refused_and_named(tmp_path: Path) -> None:
    refused = await Cluster(tmp_path / "home").refused(order_in(tmp_path / "gone"))
    assert (refused.reason.code, refused.busy) == ("path_unusable", False)
    assert refused.reason.message == f"The folder {tmp_path}/gone cannot be used: No such file or directory."


async def test_a_silent_storage_takes_no_turn_of_runs_elsewhere(tmp_path: Path, away: Silence) -> None:
    cluster = Cluster(tmp_path / "home")
    hung = [asyncio.create_task(cluster.launching.launch(order_in(away.folder))) for _ in range(2 * AT_ONCE)]
    await until(lambda: any(thread.name.startswith("at ") for thread in threading.enumerate()), "it is touched")
    assert (await cluster.refused(order_in(NOBODYS))).reason.code == "path_unusable"
    assert not any(task.done() for task in hung)
    away.end()
    await asyncio.gather(*hung)


async def test_a_run_whose_storage_is_silent_for_long_waits_and_says_so(tmp_path: Path, away: Silence) -> None:
    refused = await Cluster(tmp_path / "home", patience_s=0.01).refused(order_in(away.folder))
    assert (refused.busy, refused.own) == (True, True)
    words = f"The folder {away.folder} cannot be used just now: its storage does not answer."
    assert (refused.reason.code, refused.reason.message) == ("path_unusable", words)


async def test_a_run_that_is_stopped_while_its_storage_is_silent_is_over_at_once_and_never_starts(
    tmp_path: Path, away: Silence
) -> None:
    cluster, order = Cluster(tmp_path / "home"), order_in(away.folder)
    launch = asyncio.create_task(cluster.launching.launch(order))
    await asyncio.sleep(0)
    await cluster.ending.stop(order.run_id)
    assert isinstance(cluster.concluding.told[order.run_id], Cancelled)
    away.end()
    await launch
    assert isinstance(cluster.concluding.told[order.run_id], Cancelled)
    assert cluster.kept.order(order.run_id) is None


async def test_a_run_that_was_ordered_before_is_not_refused_while_nobody_knows_of_its_pod(tmp_path: Path) -> None:
    cluster, order = Cluster(tmp_path / "home"), order_in(NOBODYS)
    earlier = {"namespace": "jobyard-lab"}
    cluster.kept.keep_order(order.run_id, earlier)
    await cluster.launching.launch(order)
    assert order.run_id not in cluster.concluding.told
    assert cluster.kept.order(order.run_id) == earlier, "nor asked for"
