"""Runs of several ranks in a real cluster: the command begins in all of their pods, or in none of them."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.backends.protocol import RunOrder
from services.executor.domain.cluster_quotas import Quota
from services.executor.domain.observation import Observation, Refused, Started, Waiting
from services.executor.domain.record import rank_id
from shared.contracts.streams import Child
from shared.ids import new_id
from tests.support.benches import opened_in_cluster
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.streams import Held
from tests.support.waiting import until


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KubernetesBench]:
    async with opened_in_cluster(tmp_path) as bench:
        yield bench


def ranks(bench: KubernetesBench, script: str) -> list[RunOrder]:
    """Two of a run."""
    run = f"{new_id()}.1"
    orders = [bench.order(script, rank_id(run, rank)) for rank in range(2)]
    return [replace(order, ranks=2, env=order.env | {"RANK": str(order.rank)}) for order in orders]


async def is_bounded(bench: KubernetesBench) -> None:
    """By its quota: for a moment the cluster lets anything in, and then nothing until it has counted what is there.

    So one run goes ahead, and is no longer counted.
    """
    first = bench.order("true")

    async def admitted() -> bool:
        await bench.backend.launch([first])
        return not isinstance(await bench.seen(first.run_id), Waiting)

    async def counted() -> bool:
        [quota] = (await bench.api.get(f"/api/v1/namespaces/{bench.namespace}/resourcequotas"))["items"]
        return bool(quota.get("status", {}).get("used") == {"pods": "0"})

    await until(admitted, "the first run is let in", within=bench.within_s)
    assert (await bench.ended(first.run_id)).exit_code == 0
    await until(counted, "the cluster has counted what the quota bounds")


async def has_begun_nothing(bench: KubernetesBench, order: RunOrder) -> None:
    """Of a rank whose container runs, up to its end."""
    await bench.reaches(order.run_id, Started)
    await bench.reopen()
    await bench.backend.stop(order.run_id)
    assert (await bench.ended(order.run_id)).stopped
    assert bench.lines("ledger") == []


async def test_where_a_quota_lets_in_one_rank_no_command_has_run(bench: KubernetesBench) -> None:
    bench.layout = replace(bench.layout, quotas={bench.vc: Quota(pods=1)})
    await bench.reopen()
    await is_bounded(bench)
    orders = ranks(bench, "echo begun >> ledger")
    seen: dict[str, Observation] = {}

    async def known() -> bool:
        await bench.backend.launch(orders)  # again and again, as the executor does
        seen.update(await bench.backend.observe([order.run_id for order in orders]))
        return not any(isinstance(each, Waiting) for each in seen.values())

    await until(known, "both are more than asked for", within=bench.within_s)
    [refused] = [each for each in seen.values() if isinstance(each, Refused)]
    assert (refused.reason.code, refused.busy, refused.own) == ("cluster_refused", True, True)
    [held] = [order for order in orders if isinstance(seen[order.run_id], Started)]
    await has_begun_nothing(bench, held)


@pytest.mark.parametrize("missing", [0, 1])
async def test_where_one_rank_has_no_image_the_other_s_command_has_not_run(
    bench: KubernetesBench, missing: int
) -> None:
    orders = ranks(bench, "echo begun >> ledger")
    orders[missing] = replace(orders[missing], image="jobyard-test/nobody-has-it:1")
    await bench.backend.launch(orders)
    assert (await bench.reaches(orders[missing].run_id, Refused)).reason.code == "image_missing"
    await has_begun_nothing(bench, orders[1 - missing])


async def test_what_was_left_under_the_name_of_their_meeting_is_not_taken_for_it(bench: KubernetesBench) -> None:
    first, second = ranks(bench, "echo $MASTER_ADDR >> ledger")
    (first.folders.job / f".jobyard-{first.run_id}.meeting").write_text("10.9.9.9\n")
    await bench.backend.launch([second])
    await bench.reaches(second.run_id, Started)
    await bench.backend.launch([first, second])
    for order in (first, second):
        assert (await bench.ended(order.run_id)).exit_code == 0
    [address] = set(bench.lines("ledger"))
    assert address == (await bench.api.get(bench.pod(first.run_id)))["status"]["podIP"]


async def test_shells_know_where_the_ranks_meet_as_the_commands_do(bench: KubernetesBench) -> None:
    orders = ranks(bench, f"echo $MASTER_ADDR >> ledger; {bench.WAIT_FOR_GO}")
    await bench.backend.launch(orders)
    await until(lambda: len(bench.lines("ledger")) == 2, "both have begun", within=bench.within_s)
    [address] = set(bench.lines("ledger"))
    for order in orders:
        await bench.reaches(order.run_id, Started)
        async with Held(await bench.backend.exec(order.run_id, Child(argv=("printenv", "MASTER_ADDR")))) as child:
            assert await child.everything("stdout") == f"{address}\n".encode()
    bench.go()
    for order in orders:
        await bench.ended(order.run_id)
