"""The rank table of a run in pods: written once, when the cluster has said of all ranks which NPUs they have."""

import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.manifest import tombstone
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.pods import Pods, annotations_of
from services.executor.backends.kubernetes.rank_tables import RankTables
from services.executor.domain import pod_names as names
from services.executor.domain.observation import Cancelled
from services.executor.domain.pod_npus import ANNOTATION, LONGEST
from services.executor.domain.rank_table import file_name
from services.executor.domain.record import rank_id
from shared.ids import new_id
from tests.support.executor_backend import order_of
from tests.support.waiting import until

LAYOUT = Layout(executor="cluster")
ANCHOR = {"apiVersion": "v1", "kind": "ConfigMap", "name": "jobyard", "uid": "c-1"}


class Cluster:
    """Two ranks of one NPU each, whose pods are what `admits` says, and the executor process that looks at them."""

    def __init__(self, folder: Path) -> None:
        self.run = f"{new_id()}.1"
        self.job = folder / "job"
        self.path = self.job / file_name(self.run)
        self.kept = Kept(folder / "home")
        self.kept.open()
        self.job.mkdir()
        facts = {"path": str(self.path), "ranks": 2, "npus": 1}
        self.kept.keep_order(self.run, {"namespace": "jobyard-default", "rank_table": facts})
        self.version = 0
        self.start()

    def start(self) -> None:
        """The next process knows nothing but what is on its disk, and is told of all pods."""
        self.pods = Pods(Api(None), LAYOUT.fence, Holders(), self._changed, lambda run_id: "jobyard-default")
        self.tables = RankTables(self.kept, self.pods)

    def admits(self, rank: int, said: object, waits: bool = True) -> None:
        """The pod is there, or has changed; `said` of its NPUs, if anything is."""
        self.version += 1
        document = tombstone(order_of(rank_id(self.run, rank), (), self.job, 10), LAYOUT)
        meta = document["metadata"]
        meta |= {"uid": f"p-{rank}", "resourceVersion": str(self.version), "ownerReferences": [ANCHOR]}
        meta["annotations"] |= {names.RANK_TABLE: "true"} if waits else {}
        if said is not None:
            meta["annotations"][ANNOTATION] = said if isinstance(said, str) else json.dumps(said)
        self.pods.take(document)

    def _changed(self, rank: str) -> None:
        self.tables.look_at(rank)

    async def looked(self) -> None:
        await until(lambda: not self.tables.under_way(), "all looks are over")

    def told(self, rank: int) -> str | None:
        pod = self.pods.get(rank_id(self.run, rank))
        assert pod is not None
        return annotations_of(pod).get(ANNOTATION)


def npu(number: int, server: str = "10.0.0.7") -> dict[str, Any]:
    return {"pod_name": "0", "server_id": server, "devices": [{"device_id": str(number), "device_ip": "10.1.0.1"}]}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


async def test_it_is_there_once_all_ranks_npus_are_told(cluster: Cluster) -> None:
    cluster.admits(0, None)
    cluster.admits(1, npu(5, "10.0.0.8"))
    await cluster.looked()
    assert list(cluster.job.iterdir()) == []
    cluster.admits(0, npu(3))
    await cluster.looked()
    table = json.loads(cluster.path.read_text())
    assert (table["status"], table["server_count"]) == ("completed", "2")
    listed = [(each["server_id"], each["device"][0]["device_id"]) for each in table["server_list"]]
    assert listed == [("10.0.0.7", "3"), ("10.0.0.8", "5")]
    assert list(cluster.job.iterdir()) == [cluster.path]


async def test_the_next_process_goes_on_where_the_last_one_was(cluster: Cluster) -> None:
    cluster.admits(0, npu(3))
    await cluster.looked()
    cluster.start()
    cluster.admits(0, npu(3))
    await cluster.looked()
    assert not cluster.path.exists()
    cluster.admits(1, npu(5))
    await cluster.looked()
    assert cluster.path.exists()


async def test_a_table_that_was_written_is_its_jobs(cluster: Cluster) -> None:
    for process in range(2):
        cluster.admits(0, npu(3))
        cluster.admits(1, npu(5))
        await cluster.looked()
        if process == 0:
            cluster.path.write_text("changed by the job")
            cluster.start()
    assert cluster.path.read_text() == "changed by the job"


async def test_of_a_run_that_is_over_nothing_is_written(cluster: Cluster) -> None:
    cluster.kept.conclude(rank_id(cluster.run, 1), Cancelled(7))
    cluster.admits(0, npu(3))
    cluster.admits(1, npu(5))
    await cluster.looked()
    assert list(cluster.job.iterdir()) == []


async def test_what_cannot_be_read_is_said_once_and_waited_for(cluster: Cluster) -> None:
    with capture_logs() as logs:
        cluster.admits(0, npu(3))
        for _ in range(3):
            cluster.admits(1, "no JSON")
            await cluster.looked()
        cluster.admits(1, npu(3))
        await cluster.looked()
    assert not cluster.path.exists()
    said = [entry["reason"] for entry in logs if entry["event"] == "rank_table_waits"]
    assert [("rank 1" in each, "twice" in each) for each in said] == [(True, False), (True, True)]
    cluster.admits(1, npu(5))
    await cluster.looked()
    assert cluster.path.exists()


async def test_what_is_said_of_npus_is_kept_of_pods_that_wait_alone_and_never_much_of_it(cluster: Cluster) -> None:
    cluster.admits(0, npu(3), waits=False)
    cluster.admits(1, "x" * 200_000)
    assert cluster.told(0) is None
    assert len(cluster.told(1) or "") == LONGEST + 1
    await cluster.looked()


@pytest.mark.parametrize("link", ["symlink_to", "hardlink_to"])
async def test_a_link_that_the_job_puts_in_the_way_leads_nowhere(cluster: Cluster, tmp_path: Path, link: str) -> None:
    secret = tmp_path / "secret"
    secret.write_text("as it was")
    getattr(cluster.path, link)(secret)
    cluster.admits(0, npu(3))
    cluster.admits(1, npu(5))
    await cluster.looked()
    assert secret.read_text() == "as it was"
    assert json.loads(cluster.path.read_text())["status"] == "completed"


async def test_a_folder_that_has_become_a_link_is_not_written_into(cluster: Cluster, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    cluster.job.rmdir()
    cluster.job.symlink_to(elsewhere)
    with capture_logs() as logs:
        cluster.admits(0, npu(3))
        cluster.admits(1, npu(5))
        await cluster.looked()
    assert list(elsewhere.iterdir()) == []
    assert [entry["event"] for entry in logs] == ["rank_table_waits"]
