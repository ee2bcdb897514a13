"""Which pods are an executor's: only those that say so without contradiction, in a namespace that is Jobyard's."""

from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.kubernetes.manifest import tombstone
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.pods import Pods
from services.executor.domain import pod_names as names
from services.executor.domain.pod_fence import Foreign
from tests.support.executor_backend import order_of

LAYOUT = Layout(executor="cluster")
RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV.2-3"
ANCHOR = {"apiVersion": "v1", "kind": "ConfigMap", "name": "jobyard", "uid": "c-1"}
MISSING = object()


def made(**changes: object) -> dict[str, Any]:
    """A pod as this executor makes it, but for `changes` in its metadata: `said_` an annotation, `label_` a label."""
    document = tombstone(order_of(RUN, (), Path("/srv"), 10), LAYOUT)
    meta = document["metadata"]
    meta |= {"uid": "p-1", "resourceVersion": "7", "ownerReferences": [ANCHOR]}
    for path, value in changes.items():
        if path.startswith(("label_", "said_")):
            kind = "labels" if path.startswith("label_") else "annotations"
            key = getattr(names, path.partition("_")[2].upper())
            if value is MISSING:
                del meta[kind][key]
            else:
                meta[kind][key] = value
        else:
            meta[path] = value
    return document


def test_what_the_executor_makes_is_its_own() -> None:
    assert LAYOUT.fence.rank_of(made()) == RUN


@pytest.mark.parametrize(
    "changes",
    [
        {"said_run": MISSING},
        {"said_run": ""},
        {"said_run": "01ARZ3NDEKTSV4RRFFQ69G5FAV.two"},
        {"said_run": "01ARZ3NDEKTSV4RRFFQ69G5FAV.02-3"},
        {"said_run": "01ARZ3NDEKTSV4RRFFQ69G5FAV.2-x"},
        {"said_run": RUN + "\n"},
        {"said_run": f"../{RUN}"},
        {"said_run": "01ARZ3NDEKTSV4RRFFQ69G5FAV." + "9" * 5000},
        {"said_node": "another"},
        {"said_owner": MISSING},
        {"said_vc": MISSING},
        {"said_vc": "another"},
        {"said_grace": "soon"},
        {"said_grace": "nan"},
        {"said_grace": "-1"},
        {"label_managed_by": MISSING},
        {"label_executor": "0123456789"},
        {"label_job": "another"},
        {"label_rank": "4"},
        {"name": "job-a"},
        {"namespace": "default"},
        {"namespace": "jobyard-another"},
        {"ownerReferences": []},
        {"ownerReferences": None},
        {"ownerReferences": [ANCHOR | {"kind": "Secret"}]},
        {"ownerReferences": [ANCHOR | {"name": "another"}]},
        {"labels": None},
        {"annotations": None},
    ],
)
def test_a_pod_that_lacks_anything_of_that_is_somebody_elses(changes: dict[str, object]) -> None:
    with pytest.raises(Foreign):
        LAYOUT.fence.rank_of(made(**changes))
    assert not LAYOUT.fence.holds(made(**changes))


def test_a_foreign_pod_changes_nothing_that_is_known() -> None:
    changed: list[str] = []
    pods = Pods(Api(None), LAYOUT.fence, Holders(), changed.append, lambda run_id: made()["metadata"]["namespace"])
    pods.take(made(said_run="nonsense"))
    pods.take(made(namespace="default"))
    pods.drop(made(said_run="nonsense"))
    assert (pods.get(RUN), changed) == (None, [])
    pods.take(made())
    pods.take(made(uid="p-2", resourceVersion="9", ownerReferences=[]))
    pods.drop(made(uid="p-2", resourceVersion="9", ownerReferences=[]))
    known = pods.get(RUN)
    assert known is not None and known["metadata"]["uid"] == "p-1"
    assert changed == [RUN]


def test_a_pod_whose_annotations_somebody_took_away_is_still_seen_to_go() -> None:
    changed: list[str] = []
    pods = Pods(Api(None), LAYOUT.fence, Holders(), changed.append, lambda run_id: made()["metadata"]["namespace"])
    pods.take(made())
    pods.take(made(annotations=None, resourceVersion="8"))
    assert pods.get(RUN) is not None
    pods.drop(made(annotations=None, resourceVersion="9"))
    assert pods.get(RUN) is None
    assert changed == [RUN, RUN]


@pytest.mark.parametrize("ordered", [None, "jobyard-b"])
def test_a_pod_of_a_run_that_was_ordered_elsewhere_or_nowhere_stands_in_for_none(ordered: str | None) -> None:
    """A team that may make pods can make one that agrees with itself in every word."""
    changed: list[str] = []
    strangers = Holders()
    pods = Pods(Api(None), LAYOUT.fence, strangers, changed.append, lambda run_id: ordered)
    pods.take(made() | {"spec": {"nodeName": "n", "containers": []}})
    assert (pods.get(RUN), changed) == (None, [])
    assert len(strangers.on("n")) == 1, "it takes its room all the same"


def test_where_runs_were_ordered_is_known_to_the_next_process_until_they_are_forgotten(tmp_path: Path) -> None:
    kept = Kept(tmp_path)
    kept.open()
    kept.keep_order(RUN, {"namespace": "jobyard-lab", "folders": {}})
    after = Kept(tmp_path)
    assert (kept.namespace(RUN), after.namespace(RUN)) == ("jobyard-lab", None)
    after.open()
    assert after.namespace(RUN) == "jobyard-lab"
    after.forget([RUN])
    assert after.namespace(RUN) is None


def test_of_a_pods_containers_only_the_runs_own_is_known() -> None:
    pod = made()
    pods = Pods(Api(None), LAYOUT.fence, Holders(), lambda run_id: None, lambda run_id: pod["metadata"]["namespace"])
    [own] = pod["spec"]["containers"]
    limits = {"memory": "512Mi"}
    own |= {
        "image": "lab/train:2",
        "command": ["/train", "--epochs"],
        "resources": {"limits": limits, "requests": limits},
    }
    pod["spec"]["containers"] = [{"name": "proxy", "image": "lab/proxy:1"}, own]
    pods.take(pod)
    known = pods.get(RUN)
    assert known is not None
    assert known["spec"]["containers"] == [
        {"image": "lab/train:2", "command": ["/train"], "resources": {"limits": limits}}
    ]
