"""What operators say of every pod: taken where it means something, and never in the place of what is Jobyard's."""

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from pydantic import ValidationError

from services.executor.backends.kubernetes.layout import Storage
from services.executor.backends.kubernetes.making import layout_of
from services.executor.backends.kubernetes.manifest import pod, tombstone
from services.executor.backends.kubernetes.settings import STAYS, ClaimSettings, KubernetesSettings
from services.executor.domain import pod_names as names
from shared.ids import new_id
from tests.support.executor_backend import order_of

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
    with pytest.raises(ValidationError):
        KubernetesSettings(**said)
