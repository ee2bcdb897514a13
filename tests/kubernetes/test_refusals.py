"""What a real cluster says of pods that do not start, in words that whoever submitted the job can act on."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from services.executor.backends.kubernetes.layout import Storage
from services.executor.backends.protocol import Folders
from services.executor.domain.observation import Lost, Refused
from tests.support.benches import opened_in_cluster
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import BARE_IMAGE
from tests.support.kubernetes.storage import CLAIM

NOBODY = "127.0.0.1:1/nobody/listens:1"


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[KubernetesBench]:
    """One that waits for no image and no room, and may pull."""
    async with opened_in_cluster(tmp_path, patience_s=0.5) as bench:
        bench.layout = replace(bench.layout, pull_policy="IfNotPresent")
        await bench.reopen()
        yield bench


async def test_what_keeps_pods_from_starting_is_told_and_nothing_of_them_ever_starts(hasty: KubernetesBench) -> None:
    cases: dict[str, tuple[dict[str, Any], bool, str]] = {
        "image_unavailable": ({"image": NOBODY}, True, NOBODY),
        "image_invalid": ({"image": "Not/A/Name"}, False, "Not/A/Name"),
        "shell_missing": ({"image": BARE_IMAGE}, False, "/bin/sh"),
        "unschedulable": ({"node": "node-9"}, True, "no room"),
    }
    orders = [replace(hasty.order("echo started >> ledger"), **changed) for changed, _, _ in cases.values()]
    await hasty.backend.launch(orders)
    for order, (code, (_, busy, words)) in zip(orders, cases.items(), strict=True):
        seen = await hasty.reaches(order.run_id, Refused)
        assert (seen.reason.code, seen.busy) == (code, busy)
        assert words in seen.reason.message
    assert hasty.lines("ledger") == []


async def test_nothing_starts_where_the_claim_has_other_files(hasty: KubernetesBench) -> None:
    """Seen alive for a moment, it counts as lost, and is tried again."""
    hasty.layout = replace(hasty.layout, storages=(Storage(hasty.storage, CLAIM, "elsewhere"),))
    await hasty.reopen()
    order = hasty.order("echo started >> ledger")
    await hasty.backend.launch([order])
    seen: Refused | Lost = await hasty.reaches(order.run_id, Refused, Lost)
    assert seen.reason.code == "claim_differs"
    assert list(hasty.storage.rglob("ledger")) == []


async def test_a_folder_that_a_living_run_could_replace_is_waited_for(hasty: KubernetesBench) -> None:
    inner = hasty.folder / "inner"
    inner.mkdir()
    folders = Folders(inner, inner, inner, None, inner / "reported.jsonl")
    around = await hasty.runs()
    within = replace(hasty.order("echo started >> ledger"), folders=folders)
    await hasty.backend.launch([within])
    seen = await hasty.reaches(within.run_id, Refused)
    assert (seen.reason.code, seen.busy, seen.own) == ("path_movable", True, True)
    hasty.go()
    await hasty.ended(around)
    later = replace(hasty.order("echo started >> ledger"), folders=folders)
    await hasty.backend.launch([later])
    assert (await hasty.ended(later.run_id)).exit_code == 0
    assert (inner / "ledger").read_text() == "started\n"
