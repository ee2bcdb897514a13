"""What ranks in pods are told: where they meet, once all are there; and on NPUs who has which of them."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.gathering import Gathering
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.manifest import tombstone
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.pods import Pods, annotations_of
from services.executor.backends.kubernetes.rendezvous import Rendezvous
from services.executor.domain import pod_names as names
from services.executor.domain.observation import Cancelled
from services.executor.domain.pod_npus import ANNOTATION, LONGEST
from services.executor.domain.rank_table import file_name
from services.executor.domain.record import rank_id
from services.executor.storages import Storages
from shared.ids import new_id
from tests.support.executor_backend import order_of
from tests.support.kubernetes.one_pod import looks_over

LAYOUT = Layout(executor="cluster")
ANCHOR = {"apiVersion": "v1", "kind": "ConfigMap", "name": "jobyard", "uid": "c-1"}


class Cluster:
    """Two ranks of one NPU each, whose pods are what the test says, and the executor process that looks at them."""

    def __init__(self, folder: Path, host: str | None = None) -> None:
        self.run = f"{new_id()}.1"
        self.job = folder / "job"
        self.table = self.job / file_name(self.run)
        self.meeting = self.job / f".jobyard-{self.run}.meeting"
        self.kept = Kept(folder / "home")
        self.kept.open()
        self.job.mkdir()
        self.ordered(host)
        self.version = 0
        self.start()

    def ordered(self, host: str | None) -> None:
        facts = Gathering(2, self.meeting, host, self.table, 1).facts()
        self.kept.keep_order(self.run, {"namespace": "jobyard-default", "gathering": facts})

    def start(self) -> None:
        """The next process knows nothing but what is on its disk, and is told of all pods."""
        self.pods = Pods(Api(None), LAYOUT.fence, Holders(), self._changed, lambda run_id: "jobyard-default")
        self.rendezvous = Rendezvous(self.kept, self.pods, Storages())

    def admits(self, rank: int, said: object, waits: bool = True) -> None:
        """The pod is there, or has changed; `said` of its NPUs, if anything is."""
        self.shows(rank, said, waits, {})

    def runs(self, rank: int, said: object = None, **meta: str) -> None:
        """Its container has started."""
        state = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        told = [{"name": names.CONTAINER, "state": state}]
        status = {"phase": "Running", "podIP": f"10.1.0.{rank + 1}", "containerStatuses": told}
        self.shows(rank, said, True, status, **meta)

    def shows(self, rank: int, said: object, waits: bool, status: dict[str, Any], **more: str) -> None:
        self.version += 1
        document = tombstone(order_of(rank_id(self.run, rank), (), self.job, 10), LAYOUT) | {"status": status}
        meta = document["metadata"]
        meta |= {"uid": f"p-{rank}", "resourceVersion": str(self.version), "ownerReferences": [ANCHOR], **more}
        meta["annotations"] |= {names.RANKS: "2"} | ({names.RANK_TABLE: "true"} if waits else {})
        if said is not None:
            meta["annotations"][ANNOTATION] = said if isinstance(said, str) else json.dumps(said)
        self.pods.take(document)

    def _changed(self, rank: str) -> None:
        self.rendezvous.look_at(rank)

    async def looked(self) -> None:
        await looks_over(self.run)

    def told(self, rank: int) -> str | None:
        pod = self.pods.get(rank_id(self.run, rank))
        assert pod is not None
        return annotations_of(pod).get(ANNOTATION)


def npu(number: int, server: str = "10.0.0.7") -> dict[str, Any]:
    return {"pod_name": "0", "server_id": server, "devices": [{"device_id": str(number), "device_ip": "10.1.0.1"}]}


@pytest.fixture
def cluster(tmp_path: Path) -> Cluster:
    return Cluster(tmp_path)


async def test_where_they_meet_is_told_once_all_of_them_run(cluster: Cluster) -> None:
    cluster.runs(0)
    await cluster.looked()
    cluster.admits(1, None)
    await cluster.looked()
    assert list(cluster.job.iterdir()) == []
    cluster.runs(1)
    await cluster.looked()
    assert list(cluster.job.iterdir()) == [cluster.meeting]
    assert cluster.meeting.read_text() == "10.1.0.1\n"
    assert stat.S_IMODE(cluster.meeting.stat().st_mode) == 0o644
    addresses = [await cluster.rendezvous.address(rank_id(cluster.run, rank)) for rank in range(2)]
    assert addresses == [None, "10.1.0.1"]


async def test_ranks_that_meet_by_name_are_told_the_name(cluster: Cluster) -> None:
    cluster.ordered("job-x-r0.job-x.jobyard-default.svc.cluster.local")
    cluster.runs(1)
    cluster.runs(0)
    await cluster.looked()
    assert cluster.meeting.read_text() == "job-x-r0.job-x.jobyard-default.svc.cluster.local\n"


async def test_a_rank_whose_pod_is_being_deleted_is_not_there(cluster: Cluster) -> None:
    cluster.runs(0, deletionTimestamp="2026-01-01T00:00:00Z")
    cluster.runs(1)
    await cluster.looked()
    assert list(cluster.job.iterdir()) == []


@pytest.mark.parametrize("rank", [0, 1])
async def test_ranks_of_which_one_is_to_stop_or_is_over_are_told_nothing(cluster: Cluster, rank: int) -> None:
    cluster.runs(rank)
    await cluster.looked()
    cluster.kept.ask_to_stop(rank_id(cluster.run, rank), {"at_ns": 7})
    cluster.runs(1 - rank)
    await cluster.looked()
    assert list(cluster.job.iterdir()) == []


async def test_the_next_process_tells_what_the_last_one_did_not_and_nothing_twice(cluster: Cluster) -> None:
    cluster.runs(0)
    await cluster.looked()
    cluster.start()
    cluster.runs(0)
    await cluster.looked()
    assert not cluster.meeting.exists()
    cluster.runs(1)
    await cluster.looked()
    cluster.meeting.unlink()
    cluster.start()
    for rank in range(2):
        cluster.runs(rank)
    await cluster.looked()
    assert not cluster.meeting.exists()
    assert await cluster.rendezvous.address(rank_id(cluster.run, 1)) == "10.1.0.1"


async def test_a_table_is_there_once_all_ranks_npus_are_told(cluster: Cluster) -> None:
    cluster.admits(0, None)
    cluster.admits(1, npu(5, "10.0.0.8"))
    await cluster.looked()
    assert list(cluster.job.iterdir()) == []
    cluster.admits(0, npu(3))
    await cluster.looked()
    table = json.loads(cluster.table.read_text())
    assert (table["status"], table["server_count"]) == ("completed", "2")
    listed = [(each["server_id"], each["device"][0]["device_id"]) for each in table["server_list"]]
    assert listed == [("10.0.0.7", "3"), ("10.0.0.8", "5")]
    assert list(cluster.job.iterdir()) == [cluster.table]


async def test_the_next_process_goes_on_with_a_table_where_the_last_one_was(cluster: Cluster) -> None:
    cluster.admits(0, npu(3))
    await cluster.looked()
    cluster.start()
    cluster.admits(0, npu(3))
    await cluster.looked()
    assert not cluster.table.exists()
    cluster.admits(1, npu(5))
    await cluster.looked()
    assert cluster.table.exists()


async def test_a_table_that_was_written_is_its_jobs(cluster: Cluster) -> None:
    for process in range(2):
        cluster.admits(0, npu(3))
        cluster.admits(1, npu(5))
        await cluster.looked()
        if process == 0:
            cluster.table.write_text("changed by the job")
            cluster.start()
    assert cluster.table.read_text() == "changed by the job"


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
    assert not cluster.table.exists()
    said = [entry["reason"] for entry in logs if entry["event"] == "ranks_wait"]
    assert [("rank 1" in each, "twice" in each) for each in said] == [(True, False), (True, True)]
    cluster.admits(1, npu(5))
    await cluster.looked()
    assert cluster.table.exists()


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
    getattr(cluster.table, link)(secret)
    cluster.admits(0, npu(3))
    cluster.admits(1, npu(5))
    await cluster.looked()
    assert secret.read_text() == "as it was"
    assert json.loads(cluster.table.read_text())["status"] == "completed"


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
    assert [entry["event"] for entry in logs] == ["ranks_wait"]
