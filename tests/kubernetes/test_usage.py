"""What runs in pods use, as a real kubelet says it, and with which rights it is asked."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Literal

import pytest
import yaml

from services.executor.backends.kubernetes.api import Api
from services.executor.backends.kubernetes.kubelets import Kubelets
from services.executor.backends.kubernetes.refusals import ApiError, ClusterAway
from services.executor.backends.kubernetes.rights import FIGURES, OF_KUBELETS, Right, rules
from services.executor.domain.reading import Reading
from shared.contracts.events import RunExited
from tests.support.executor import launch_of
from tests.support.executor_service import Yard
from tests.support.executors import running
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import shared
from tests.support.nats import NatsServer
from tests.support.waiting import until

HELD = 48 << 20
SPENT_NS = 1_000_000_000
BUSY = (
    "import os, time\n"
    f"held = bytearray(os.urandom(1 << 20) * {HELD >> 20})\n"
    "while time.process_time() < 1.5: pass\n"
    "while not os.path.exists('go'): time.sleep(0.05)\n"
)
WAIT_FOR_GO = "while [ ! -e go ]; do sleep 0.05; done"
WAYS: tuple[tuple[Literal["summary", "cadvisor"], str], ...] = (
    ("summary", "direct"),
    ("cadvisor", "direct"),
    ("summary", "proxied"),
)
PLACE = Right("nodes", ("get",), "where a node's kubelet is asked")
GROUP = "/apis/rbac.authorization.k8s.io/v1"


async def test_a_busy_run_is_read_as_it_is_and_one_that_is_over_is_not_read(bench: KubernetesBench) -> None:
    id = await bench.launch(("/usr/bin/env", "python3", "-c", BUSY))
    idle = await bench.runs()
    seen: dict[str, Reading] = {}

    async def counted() -> bool:
        seen.update(await bench.backend.measure([id, idle, "nobody.1"]))
        busy = seen.get(id)
        return busy is not None and (busy.cpu_ns or 0) > SPENT_NS and (busy.memory_bytes or 0) > HELD

    await until(counted, "the kubelet has seen it", within=bench.within_s)
    assert set(seen) == {id, idle}
    assert (seen[idle].cpu_ns or 0) < SPENT_NS
    assert (seen[id].memory_bytes or 0) < 2 * HELD
    bench.go()
    await bench.ended(id)
    assert id not in await bench.backend.measure([id])


@contextlib.asynccontextmanager
async def account(
    bench: KubernetesBench, folder: Path, granted: Sequence[Right], person: str = "reader"
) -> AsyncIterator[Api]:
    """The cluster as somebody sees it who has these rights, and no other."""
    api, namespace, name = bench.api, bench.namespace, f"{bench.namespace}-{person}"
    subject = {"kind": "ServiceAccount", "name": person, "namespace": namespace}
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": name}
    accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    await api.create(accounts, {"metadata": {"name": person}})
    await api.create(f"{GROUP}/clusterroles", {"metadata": {"name": name}, "rules": rules(granted)})
    binding = {"metadata": {"name": name}, "subjects": [subject], "roleRef": role}
    await api.create(f"{GROUP}/clusterrolebindings", binding)
    asked = await api.create(f"{accounts}/{person}/token", {"spec": {}})
    config = yaml.safe_load(shared().read_text())
    config["users"][0]["user"] = {"token": asked["status"]["token"]}
    path = folder / f"{person}.kubeconfig"
    path.write_text(yaml.safe_dump(config))
    reader = Api(path)
    try:
        await reader.open()
        yield reader
    finally:
        await reader.close()
        await api.delete(f"{GROUP}/clusterrolebindings/{name}", {})
        await api.delete(f"{GROUP}/clusterroles/{name}", {})


@pytest.mark.parametrize(("usage", "kubelets"), WAYS)
async def test_the_right_to_figures_is_all_that_it_takes_to_get_them(
    bench: KubernetesBench, tmp_path: Path, usage: Literal["summary", "cadvisor"], kubelets: str
) -> None:
    async with account(bench, tmp_path, FIGURES[usage][kubelets]) as api:
        ways = {
            (says, way): Kubelets(api, says, bench.layout.namespaces, proxied=way == "proxied") for says, way in WAYS
        }

        async def told() -> bool:
            try:
                await ways[usage, kubelets].read("node-1")
            except (ApiError, ClusterAway):  # of an account that has just been made, not everybody has heard
                return False
            return True

        await until(told, "the kubelet tells")
        for other in ways.keys() - {(usage, kubelets)}:
            with pytest.raises(ApiError) as refusal:
                await ways[other].read("node-1")
            assert refusal.value.status == 403, f"{other} is another right"


@pytest.mark.parametrize("usage", OF_KUBELETS)
async def test_a_kubelet_tells_whoever_has_the_right_to_figures_alone_and_was_shown_no_other_token(
    bench: KubernetesBench, tmp_path: Path, usage: Literal["summary", "cadvisor"]
) -> None:
    async with account(bench, tmp_path, (OF_KUBELETS[usage],)) as reader:
        token = yaml.safe_load((tmp_path / "reader.kubeconfig").read_text())["users"][0]["user"]["token"]
        (tmp_path / "token").write_text(token)
        async with account(bench, tmp_path, (PLACE,), "asking") as api:
            kubelets = Kubelets(api, usage, bench.layout.namespaces, token_file=tmp_path / "token")
            own = Kubelets(api, usage, bench.layout.namespaces)

            async def told() -> bool:
                try:
                    await kubelets.read("node-1")
                except (ApiError, ClusterAway):  # of accounts that have just been made, not everybody has heard
                    return False
                return True

            await until(told, "the kubelet tells")
            with pytest.raises(ApiError) as refusal:
                await own.read("node-1")
            assert refusal.value.status == 403, "the executor's own token may not"
        with pytest.raises(ApiError) as refusal:
            await reader.get("/api/v1/nodes/node-1")
        assert refusal.value.status == 403


async def test_what_a_run_uses_and_reports_arrives_while_it_runs_and_with_its_end(
    nats: NatsServer, yard: Yard, tmp_path: Path
) -> None:
    async with running("kubernetes", nats.url, tmp_path / "data") as executor:
        spends = "i=0; while [ $i -lt 300000 ]; do i=$((i + 1)); done"
        report = 'echo \'{"loss": 0.5}\' >> "$JOBYARD_METRICS_FILE"'
        command = f"{spends}; {report}; {WAIT_FOR_GO}; {report.replace('0.5', '0.25')}"
        view = await yard.place(launch=launch_of(command), cpus=0.1)
        seen: dict[str, float] = {}

        async def told() -> bool:
            for sample in await yard.samples(view):
                seen.update(sample.reported)
                seen["cpu"] = max(seen.get("cpu", 0.0), sample.cpu_seconds or 0.0)
                seen["memory"] = max(seen.get("memory", 0.0), sample.memory_bytes or 0.0)
            return seen.get("loss") == 0.5 and seen["cpu"] > 0 and seen["memory"] > 0

        await until(told, "the samples say it", within=120)
        (executor.job_path(view) / "go").touch()
        exited = await yard.said(view, "exited")
        assert isinstance(exited, RunExited) and exited.usage is not None
        assert exited.usage.reported == {"loss": 0.25}
        assert (exited.usage.cpu_seconds or 0) >= seen["cpu"] and (exited.usage.memory_peak_bytes or 0) >= seen[
            "memory"
        ]
