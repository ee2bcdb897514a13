"""What the events of a pod are read for: what keeps it from starting, on one line and without the run's secrets."""

import base64
from pathlib import Path

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.hidden import HiddenTexts
from services.executor.backends.kubernetes.nodes import Holders
from services.executor.backends.kubernetes.pods import Pods
from services.executor.backends.kubernetes.pulls import PodPulls
from services.executor.domain import pod_names as names
from services.executor.domain.pod_fence import Fence
from services.executor.domain.pulling import Held
from tests.support.kubernetes.proxy import Proxy, asks, proxy

RUN = "01ARZ3NDEKTSV4RRFFQ69G5FAV.1"
FENCE = Fence("cluster", "jobyard-")
SECRET = "s3cret-value"
WAITING = {"waiting": {"reason": "ContainerCreating"}}
POD = {
    "metadata": {
        "name": names.pod_name(RUN),
        "namespace": "jobyard-lab",
        "uid": "p-1",
        "resourceVersion": "1",
        "annotations": {
            names.RUN: RUN,
            names.NODE: "cluster",
            names.OWNER: "ada",
            names.VC: "lab",
            names.SECRET: "true",
        },
        "labels": FENCE.labels(RUN),
        "ownerReferences": [{"apiVersion": "v1", "kind": "ConfigMap", "name": names.ANCHOR, "uid": "anchor"}],
    },
    "spec": {"nodeName": "n1", "containers": [{"name": names.CONTAINER, "image": "a"}]},
    "status": {"phase": "Pending", "containerStatuses": [{"name": names.CONTAINER, "state": WAITING}]},
}


async def told(between: Proxy, message: str) -> object:
    warning = {"reason": "FailedMount", "lastTimestamp": "2026-11-28T20:00:01Z", "message": message}
    between.say(asks("GET", ".*/events"), {"items": [warning]})
    api = Api(between.kubeconfig)
    await api.open()
    try:
        pods = Pods(api, FENCE, Holders(), lambda run_id: None, lambda run_id: "jobyard-lab")
        pods.take(POD)
        return (await PodPulls(api, pods, HiddenTexts(api).of).of([RUN])).get(RUN)
    finally:
        await api.close()


def keep(between: Proxy) -> None:
    meta = {"name": names.pod_name(RUN), "uid": "s-1", "annotations": {names.RUN: RUN}}
    data = {"jobyard.hidden": base64.b64encode(f'["{SECRET}"]'.encode()).decode()}
    between.say(asks("GET", ".*/secrets/.*"), {"metadata": meta, "data": data})


async def test_a_warning_is_told_on_one_short_line_and_masked_before_it_is_cut(tmp_path: Path) -> None:
    async with proxy(tmp_path) as between:
        keep(between)
        found = await told(between, f"mount failed:\n  \x1b[31mexit status 32 {SECRET} " + "x" * 449 + SECRET)
    assert isinstance(found, Held)
    assert found.said.startswith("mount failed: [31mexit status 32 *** xxx")
    assert "s3c" not in found.said
    assert len(found.said) <= 501


async def test_nothing_is_told_while_nobody_knows_what_is_to_be_masked(tmp_path: Path) -> None:
    async with proxy(tmp_path) as between:
        assert await told(between, f"mount failed: {SECRET}") is None
