"""A start that has to wait for something does what it can once: what it has begun goes on, and is not begun again."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from services.executor.app import build
from shared.bus.bus import Bus
from shared.clock import SystemClock
from shared.patience import until_each_works
from shared.runtime import Deps
from shared.settings import PlatformSettings
from tests.support.kubernetes.proxy import Proxy, asks
from tests.support.waiting import LONG_S, until

EMPTY: dict[str, Any] = {"metadata": {"resourceVersion": "1"}, "items": []}
DELAYED = "executor_start_delayed"


class Unheard(Bus):
    """Nobody is told anything."""

    def __init__(self) -> None:
        """There is no connection."""


async def test_an_executor_whose_store_comes_late_follows_its_cluster_once(
    between: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JOBYARD_EXECUTOR_BACKEND", "kubernetes")
    monkeypatch.setenv("JOBYARD_EXECUTOR_DEVICES", "none")
    monkeypatch.setenv("JOBYARD_EXECUTOR_KUBERNETES_CONFIG", str(between.kubeconfig))
    monkeypatch.setenv("JOBYARD_EXECUTOR_KUBERNETES_STORAGE", json.dumps({str(tmp_path): {"claim": "all"}}))
    lists, watches = asks("LIST", "/api/v1/(nodes|pods)"), asks("WATCH", "/api/v1/(nodes|pods)")
    between.say(lists, EMPTY, times=100)
    for _ in range(100):
        between.tell(watches, stays=True)
    deps = Deps(Unheard(), SystemClock(), PlatformSettings(data=tmp_path))
    service = build(deps)
    assert service.stop is not None
    with capture_logs() as logs:
        starting = asyncio.create_task(until_each_works(service.start, DELAYED))
        await until(lambda: [line for line in logs if line["event"] == DELAYED], "the start waits for the store")
    try:
        for store in deps.stores:
            await store.open()
        await asyncio.wait_for(starting, LONG_S)
        await until(lambda: len([asked for asked in between.asked if watches(asked)]) >= 3, "all of it is followed")
        followed = [(asked.path, asked.query.get("labelSelector")) for asked in between.asked if lists(asked)]
        assert len(followed) == len(set(followed)) == 3
    finally:
        await service.stop()
        for store in deps.stores:
            await store.close()
