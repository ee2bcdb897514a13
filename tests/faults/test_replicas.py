"""Two of every service at once, on one database: each is killed, replaced or paused, and nothing is lost or doubled."""

import asyncio
import json
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.audit import allocations, audit, client
from tests.support.ledger import Ledger
from tests.support.separate import REPLICATED, SERVICES, SeparateServices, separate_services
from tests.support.waiting import wait_until

SCHEDULERS = ("scheduler", "scheduler-2")


@pytest.fixture(scope="module")
def yard() -> Iterator[SeparateServices]:
    with separate_services(REPLICATED, JOBYARD_EXECUTOR_SIMULATE="v100=4") as running:
        yield running


@pytest.fixture
def ledger(yard: SeparateServices, tmp_path: Path) -> Ledger:
    return Ledger(yard, tmp_path / "marks")


def _ask(yard: SeparateServices, subject: str, body: dict[str, Any]) -> tuple[dict[str, str], dict[str, Any]]:
    async def ask() -> tuple[dict[str, str], dict[str, Any]]:
        async with client(yard.nats_url) as connection:
            reply = await connection.request(subject, json.dumps(body).encode(), timeout=30)
            return dict(reply.headers or {}), json.loads(reply.data)

    return asyncio.run(ask())


def _lease(yard: SeparateServices) -> dict[str, Any]:
    """The lease as it is; asking without having seen it stand still changes nothing."""
    return _ask(yard, "cmd.jobs.lead.v1", {"contender": "audit"})[1]


def _leader(yard: SeparateServices) -> str:
    """The scheduler whose process holds the lease."""
    numbers = re.findall(r"\d+", _lease(yard)["holder"].split("/", 1)[1])
    return next(name for name in SCHEDULERS if str(yard.processes[name].pid) in numbers)


def test_one_of_each_pair_killed_under_load(yard: SeparateServices, ledger: Ledger) -> None:
    for second in ("", "-2"):
        with ledger.under_load(threads=4, pause=0.4):
            for service in SERVICES:
                _taken(ledger, 3)
                yard.kill_service(service + second)
            _taken(ledger, 5)
        for service in SERVICES:
            yard.start_service(service + second)
        wait_until(yard.is_ready, "all are ready again")
    ledger.settle()
    ledger.check()
    used = {one.node for one in allocations(audit(yard.nats_url).job_events())}
    assert len(used) == 2, "both nodes had jobs"


def test_every_process_replaced_in_turn_under_load_without_a_refusal(yard: SeparateServices, ledger: Ledger) -> None:
    """An upgrade: SIGTERM, the next one, ready, then the one beside it. Only a gateway's own callers see it go."""
    wait_until(yard.is_ready, "all are ready")
    with ledger.under_load(threads=3, pause=0.3):
        for service in ("jobs", "logs", "scheduler", "executor", "gateway"):
            for second in ("", "-2"):
                yard.restart_service(service + second)
                _taken(ledger, 2)
    ledger.settle()
    ledger.check()
    assert set(ledger.answers) <= {201, 0}, ledger.answers


def _taken(ledger: Ledger, more: int) -> None:
    """Wait until so many more jobs were acknowledged."""
    wanted = len(ledger.acked) + more
    wait_until(lambda: len(ledger.acked) >= wanted, f"{more} more jobs are taken")


def test_a_leader_paused_past_its_lease_wakes_late_and_changes_nothing(yard: SeparateServices, ledger: Ledger) -> None:
    wait_until(yard.is_ready, "all are ready")
    with ledger.under_load(threads=4, pause=0.3):
        for _ in range(2):
            former, before = _leader(yard), _lease(yard)
            wait_until(lambda: len(ledger.acked) % 7 == 0, "anywhere in its cycle")
            yard.signal_service(former, signal.SIGSTOP)
            wait_until(lambda before=before: _lease(yard)["epoch"] > before["epoch"], "another leads")  # type: ignore[misc]
            said = yard.output().count("lead_lost")
            time.sleep(1)
            yard.signal_service(former, signal.SIGCONT)
            wait_until(lambda said=said: yard.output().count("lead_lost") > said, "it hears so")  # type: ignore[misc]
    ledger.settle()
    ledger.check()


def test_a_placement_of_a_former_epoch_is_refused(yard: SeparateServices) -> None:
    """The same placement that counts from the leader changes nothing from the one before."""
    wait_until(yard.is_ready, "all are ready")
    large = yard.submit("true", device_type="none-such", devices=1)
    before = yard.job(large)
    allocation = {"shares": [{"node": "any", "rank": 0, "devices": []}]}
    placement = {"id": large, "version": before["version"], "allocation": allocation}
    epoch = _lease(yard)["epoch"]
    headers, answer = _ask(yard, "cmd.jobs.place.v1", {"epoch": epoch - 1, "placements": [placement]})
    assert headers["x-error"] == "conflict", answer
    assert yard.job(large)["version"] == before["version"]
    _, answer = _ask(yard, "cmd.jobs.place.v1", {"epoch": epoch, "placements": [placement]})
    assert answer["outcomes"][0]["done"]
