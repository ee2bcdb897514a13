"""What operators say of every pod: taken where it means something, and never in the place of what is Jobyard's."""

from pathlib import Path, PurePosixPath
from typing import Any

import pytest

from services.executor.backends.kubernetes.layout import Storage
from services.executor.backends.kubernetes.making import check_storage, layout_of
from services.executor.backends.kubernetes.manifest import pod, tombstone
from services.executor.backends.kubernetes.settings import STAYS, ClaimSettings, KubernetesSettings
from services.executor.domain import pod_names as names
from shared.ids import new_id
from shared.wrong_settings import WrongSettings
from tests.support.executor_backend import order_of

SETTING = "JOBYARD_EXECUTOR_KUBERNETES_STORAGE"
STORAGE = {PurePosixPath("/srv"): ClaimSettings(claim="all")}


def metadata(**said: Any) -> dict[str, Any]:
    layout = layout_of("cluster", KubernetesSettings(image="a", storage=STORAGE, **said))
    assert layout.storages == (Storage(PurePosixPath("/srv"), "all"),)
    order = order_of(f"{new_id()}.1", ("train",), Path("/srv/jobs/a"), 1)
    assert layout.annotations.items() <= tombstone(order, layout)["metadata"]["annotations"].items()
    found: dict[str, Any] = pod(order, layout)["metadata"]
    assert layout.fence.labels(order.run_id).items() <= found["labels"].items()
    assert found["annotations"][names.RUN] == order.run_id
    return found


def test_autoscalers_leave_runs_alone_unless_operators_say_otherwise() -> None:
    assert STAYS.items() <= metadata()["annotations"].items()
    found = metadata(annotations={"team": "vision", "karpenter.sh/do-not-disrupt": "false"})["annotations"]
    assert found["team"] == "vision"
    assert found["karpenter.sh/do-not-disrupt"] == "false"
    assert found["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"


def test_labels_of_operators_stand_beside_our_own() -> None:
    assert metadata(labels={"cost.lab/centre": "4711"})["labels"]["cost.lab/centre"] == "4711"


@pytest.mark.parametrize(
    "said",
    [
        {"labels": {names.EXECUTOR: "x"}},
        {"labels": {names.MANAGED_BY: "Helm"}},
        {"annotations": {names.TOMBSTONE: "x"}},
        {"annotations": {"no key": "x"}},
        {"annotations": {"a": "x" * 5000}},
        {"annotations": {"a": 1}},
        {"annotations": {f"a{number}": "" for number in range(65)}},
        {"labels": {"a": "no value!"}},
        {"labels": {"a": "x" * 64}},
        {"plugins_say": ["NVIDIA_VISIBLE_DEVICES"]},
    ],
)
def test_what_is_jobyards_own_or_means_nothing_to_a_cluster_is_refused(said: dict[str, Any]) -> None:
    with pytest.raises(WrongSettings):
        KubernetesSettings(**said)


@pytest.mark.parametrize(
    "storages",
    [
        (),
        (Storage(PurePosixPath("/data"), "data"),),
        (Storage(PurePosixPath("/srv"), "all", read_only=True),),
        (Storage(PurePosixPath("/srv"), "all"), Storage(PurePosixPath("/srv/storage"), "data", read_only=True)),
    ],
)
def test_a_storage_where_no_job_could_have_its_folder_is_said_at_the_start(storages: tuple[Storage, ...]) -> None:
    with pytest.raises(WrongSettings, match=f"^{SETTING} names no claim .* /srv/storage, .* JOBYARD_STORAGE_FOLDER"):
        check_storage(storages, Path("/srv/storage"))


@pytest.mark.parametrize("prefix", ["/", "/srv/storage", "/srv/storage/jobs"])
def test_a_claim_around_the_folders_of_jobs_is_enough(prefix: str) -> None:
    check_storage(
        (Storage(PurePosixPath(prefix), "all"), Storage(PurePosixPath("/data"), "data")), Path("/srv/storage")
    )


def test_the_storage_is_looked_for_where_its_links_lead_as_the_folders_of_jobs_are(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    check_storage((Storage(tmp_path / "real", "all"),), tmp_path / "link")
    with pytest.raises(WrongSettings, match=SETTING):
        check_storage((Storage(tmp_path / "link", "all"),), tmp_path / "link")
