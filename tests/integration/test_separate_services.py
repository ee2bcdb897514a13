"""Each service as its own process (`python -m services.<name>`) on a MongoDB-wire server: the same jobs, and faults."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ledger import Ledger
from tests.support.separate import SERVICES, SeparateServices, separate_services
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def yard() -> Iterator[SeparateServices]:
    with separate_services() as running:
        yield running


def test_jobs_run_through_services_that_share_nothing_but_messages(yard: SeparateServices) -> None:
    ids = [yard.submit("echo hello") for _ in range(5)]
    for id in ids:
        assert yard.wait(id)["status"] == "finished"
        assert yard.lines(id) == ["hello"]
        assert yard.facts(id) == ["submitted", "scheduled", "started", "finished"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_killed_service_loses_and_doubles_nothing(yard: SeparateServices, service: str, tmp_path: Path) -> None:
    ledger = Ledger(yard, tmp_path / "marks")
    for _ in range(6):
        ledger.submit()
    yard.kill_service(service)
    if service not in ("gateway", "jobs"):
        for _ in range(4):
            ledger.submit()
    yard.start_service(service)
    wait_until(yard.is_ready, "it is ready again")
    for _ in range(4):
        ledger.submit()
    ledger.settle()
    ledger.check()


def test_the_database_killed_under_load(yard: SeparateServices, tmp_path: Path) -> None:
    ledger = Ledger(yard, tmp_path / "marks")
    for _ in range(6):
        ledger.submit(seconds=1)
    yard.mongo.restart()
    wait_until(yard.is_ready, "it is ready again")
    for _ in range(6):
        ledger.submit()
    ledger.settle()
    ledger.check()
