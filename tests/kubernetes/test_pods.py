"""Runs as real pods of a real cluster: what only this backend has to answer for."""

from dataclasses import replace

import pytest

from services.executor.backends.frames import STDOUT
from services.executor.backends.kubernetes.outputs import INCOMPLETE
from services.executor.domain import pod_names as names
from services.executor.domain.observation import Cancelled, Ended, Lost, Started
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.waiting import until


async def test_a_command_runs_in_a_pod_of_the_restricted_level_and_its_output_and_exit_code_arrive(
    bench: KubernetesBench,
) -> None:
    id = await bench.launch("echo hello; id -u; exit 3")
    ended = await bench.ended(id)
    assert (ended.exit_code, ended.stopped) == (3, False)
    assert bench.output(id)[STDOUT] == b"hello\n1000\n"


async def test_an_image_that_is_not_there_is_said_and_the_run_never_starts(bench: KubernetesBench) -> None:
    order = replace(bench.order("echo started >> ledger"), image="nobody/has-this:1")
    seen = await bench.refused(order)
    assert (seen.reason.code, seen.busy) == ("image_missing", False)
    assert "nobody/has-this:1" in seen.reason.message
    assert bench.lines("ledger") == []


async def test_a_claim_that_is_not_there_is_named(bench: KubernetesBench) -> None:
    await bench.api.delete(f"/api/v1/namespaces/{bench.namespace}/persistentvolumeclaims/work", {})
    seen = await bench.refused(bench.order("true"))
    assert (seen.reason.code, seen.busy) == ("claim_missing", False)
    assert "work" in seen.reason.message


async def test_what_the_cluster_forbids_is_refused_in_its_own_words(bench: KubernetesBench) -> None:
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"requests.cpu": "100m"}}}
    await bench.api.create(f"/api/v1/namespaces/{bench.namespace}/resourcequotas", quota)
    seen = await bench.refused(replace(bench.order("true"), cpus=1.0))
    assert (seen.reason.code, seen.busy) == ("cluster_refused", True)
    assert "exceeded quota: small" in seen.reason.message


async def test_a_run_that_asks_for_memory_has_no_more(bench: KubernetesBench) -> None:
    program = "import sys; data = bytearray(400 << 20); print(len(data))"
    order = replace(bench.order(("/usr/bin/env", "python3", "-c", program)), memory_mib=100)
    await bench.backend.launch([order])
    ended = await bench.ended(order.run_id)
    assert (ended.exit_code, ended.stopped) == (137, False)
    assert b"Out of memory" in bench.everything(order.run_id)


async def test_a_pod_that_somebody_deletes_is_a_lost_run(bench: KubernetesBench) -> None:
    id = await bench.runs()
    pod = f"/api/v1/namespaces/{bench.namespace}/pods/{names.pod_name(id)}"
    await bench.api.delete(pod, {"gracePeriodSeconds": 1})
    seen = await bench.reaches(id, Lost)
    assert seen.reason.code == "stopped_by_others"


async def test_a_program_whose_last_words_go_where_kubernetes_wants_them_is_stopped_as_others_are(
    bench: KubernetesBench,
) -> None:
    words = "echo {} > /dev/termination-log"
    id = await bench.runs(f"trap '{words.format('saved')}; echo saved >> ledger; exit 0' TERM; {words.format('begun')}")
    await bench.backend.stop(id)
    ended = await bench.ended(id)
    assert (ended.exit_code, ended.stopped, ended.forced) == (0, True, False)
    assert bench.lines("ledger") == ["saved"]


async def test_a_pod_is_kept_until_its_result_is_known_and_a_launch_after_that_starts_nothing(
    bench: KubernetesBench,
) -> None:
    order = bench.order("echo started >> ledger; exit 4")
    await bench.backend.launch([order])
    await bench.reaches(order.run_id, Started, Ended)
    await bench.close()
    await bench.api.delete(f"/api/v1/namespaces/{bench.namespace}/pods/{names.pod_name(order.run_id)}", {})
    await bench.open()
    await bench.backend.launch([order])
    assert (await bench.ended(order.run_id)).exit_code == 4
    assert bench.lines("ledger") == ["started"]


async def test_a_run_that_has_begun_and_whose_pod_is_gone_is_lost_and_never_begins_again(
    bench: KubernetesBench,
) -> None:
    order = bench.order("echo started >> ledger; sleep 600")
    await bench.backend.launch([order])
    await bench.reaches(order.run_id, Started)
    await until(lambda: bench.lines("ledger"), "it runs")
    await bench.close()
    await bench.api.patch(bench.pod(order.run_id), {"metadata": {"finalizers": None}})
    await bench.remove(order.run_id)
    await bench.open()
    await bench.backend.launch([order])
    assert (await bench.reaches(order.run_id, Lost)).reason.code == "pod_gone"
    assert bench.everything(order.run_id).decode() == f"{INCOMPLETE}\n"
    assert bench.lines("ledger") == ["started"]


async def test_a_stop_that_finds_an_order_but_no_pod_buries_its_name_in_the_cluster(bench: KubernetesBench) -> None:
    order = bench.order("echo started >> ledger")
    await bench.backend.launch([order])
    await until(lambda: any(isinstance(seen, Ended) for seen in bench.told[order.run_id]), "its pod is let go")
    bench.forget(order.run_id)
    pod = f"/api/v1/namespaces/{bench.namespace}/pods/{names.pod_name(order.run_id)}"
    await bench.close()
    await bench.remove(order.run_id)
    await bench.open()
    await bench.backend.stop(order.run_id)
    await bench.reaches(order.run_id, Cancelled)
    buried = await bench.api.get(pod)
    assert names.TOMBSTONE in buried["metadata"]["annotations"]
    assert bench.lines("ledger") == ["started"]


@pytest.mark.parametrize("field", ["owner", "vc"])
async def test_labels_never_hold_what_a_submission_says(bench: KubernetesBench, field: str) -> None:
    id = await bench.launch("true")
    await bench.ended(id)
    pod = await bench.api.get(f"/api/v1/namespaces/{bench.namespace}/pods/{names.pod_name(id)}")
    assert f"jobyard.io/{field}" in pod["metadata"]["annotations"]
    assert set(pod["metadata"]["labels"]) == {names.MANAGED_BY, names.EXECUTOR, names.JOB, names.RANK}


async def test_what_is_hidden_stands_in_no_pod_and_is_masked_by_the_next_executor_too(bench: KubernetesBench) -> None:
    order = bench.order(f"echo $TOKEN; {bench.WAIT_FOR_GO}; echo again $TOKEN", hidden=("s3cret",))
    await bench.backend.launch([replace(order, env=order.env | {"TOKEN": "s3cret"})])
    await bench.reaches(order.run_id, Started)
    path = f"/api/v1/namespaces/{bench.namespace}/pods/{names.pod_name(order.run_id)}"
    assert "s3cret" not in str(await bench.api.get(path))
    await bench.reopen()
    bench.go()
    await bench.ended(order.run_id)
    assert bench.output(order.run_id)[STDOUT] == b"***\nagain ***\n"

    async def gone() -> bool:
        return bool((await bench.api.get(f"/api/v1/namespaces/{bench.namespace}/secrets"))["items"] == [])

    await until(gone, "its Secret goes with its pod")
