"""Of what a cluster tells of a pod all that is read is kept, and nothing else."""

from typing import Any

import pytest

from services.executor.domain.pod_names import CONTAINER, TOMBSTONE
from services.executor.domain.pod_status import lives, needed, time_ns
from tests.support.kubernetes.pod_documents import END, LIVES, START, START_NS, disrupted, ended, pod

BESIDE = "istio-proxy"


def told(state: dict[str, Any], beside: dict[str, Any] | None = None) -> dict[str, Any]:
    """A status as a kubelet tells it, of a container and of what others have put beside it."""
    conditions = [
        {"lastProbeTime": None, "lastTransitionTime": START, "observedGeneration": 1, "status": "True", "type": kind}
        for kind in ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    ]
    return {
        "phase": "Running",
        "observedGeneration": 1,
        "hostIP": "10.0.0.7",
        "podIP": "10.244.0.9",
        "podIPs": [{"ip": "10.244.0.9"}],
        "qosClass": "Burstable",
        "startTime": START,
        "message": "low on memory",
        "reason": "Evicted",
        "conditions": [*conditions, *(one | {"lastTransitionTime": END} for one in disrupted("PreemptionByScheduler"))],
        "containerStatuses": [
            {
                "name": name,
                "state": each,
                "lastState": ended(1),
                "ready": True,
                "started": True,
                "restartCount": 0,
                "containerID": f"containerd://{64 * 'c'}",
                "image": "lab/train:2",
                "imageID": f"lab/train@sha256:{64 * 'd'}",
                "resources": {"limits": {"memory": "512Mi"}, "requests": {"memory": "512Mi"}},
                "user": {"linux": {"uid": 1000, "gid": 1000, "supplementalGroups": [1000]}},
                "volumeMounts": [{"name": "shm", "mountPath": "/dev/shm"}],
            }
            for name, each in ((BESIDE, beside), (CONTAINER, state))
            if each is not None
        ],
    }


def test_of_a_status_only_what_is_read_is_kept() -> None:
    assert needed(told(LIVES)) == {
        "phase": "Running",
        "podIP": "10.244.0.9",
        "startTime": START,
        "message": "low on memory",
        "reason": "Evicted",
        "conditions": [
            {"type": "PodScheduled", "status": "True"},
            {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler", "message": ""},
        ],
        "containerStatuses": [{"name": CONTAINER, "state": LIVES}],
    }


@pytest.mark.parametrize("status", [{}, {"phase": "Pending", "conditions": None, "containerStatuses": None}])
def test_a_pod_of_which_nobody_has_told_anything_yet_is_kept_so(status: dict[str, Any]) -> None:
    kept = needed(status)
    assert kept["containerStatuses"] == kept["conditions"] == []
    assert kept.get("phase") == status.get("phase")


@pytest.mark.parametrize(
    ("document", "living"),
    [
        (pod(), True),
        (pod(LIVES), True),
        (pod({"waiting": {}}, phase="Pending"), True),
        (pod(ended(0)), False),
        (pod(phase="Failed"), False),
        (pod(LIVES, phase="Failed"), False),
    ],
)
def test_a_pod_lives_until_its_container_has_ended_or_the_cluster_says_so(
    document: dict[str, Any], living: bool
) -> None:
    assert lives(document) is living


@pytest.mark.parametrize(("beside", "living"), [(LIVES, True), (ended(0), False), ({"waiting": {}}, False)])
def test_a_pod_lives_while_anything_runs_beside_the_run_that_has_ended(beside: dict[str, Any], living: bool) -> None:
    document = pod() | {"status": needed(told(ended(0), beside))}
    assert lives(document) is living


def test_a_tombstone_does_not_live() -> None:
    document = pod(phase="Pending", node=None)
    document["metadata"]["annotations"][TOMBSTONE] = "stopped"
    assert not lives(document)


@pytest.mark.parametrize(
    ("stamp", "ns"),
    [
        (START, START_NS),
        ("2026-12-04T12:00:00.000001Z", START_NS + 1_000),
        ("2026-12-04T12:00:00.999999Z", START_NS + 999_999_000),
        ("2026-12-04T20:00:00+08:00", START_NS),
    ],
)
def test_a_moment_is_exact(stamp: str, ns: int) -> None:
    assert time_ns(stamp) == ns
