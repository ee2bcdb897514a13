"""The database of separate services under load: killed, half-open, far away, and replies lost after the write."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ledger import Ledger
from tests.support.mongo import MongoServer
from tests.support.proxy import Proxy
from tests.support.separate import SeparateServices, separate_services
from tests.support.waiting import wait_until


@pytest.fixture(scope="module")
def mongo() -> Iterator[MongoServer]:
    with MongoServer() as server:
        yield server


@pytest.fixture(scope="module")
def proxy(mongo: MongoServer) -> Iterator[Proxy]:
    with Proxy(mongo.port) as between:
        yield between


@pytest.fixture(scope="module")
def yard(mongo: MongoServer, proxy: Proxy) -> Iterator[SeparateServices]:
    url = f"mongodb://127.0.0.1:{proxy.port}/?directConnection=true"
    with separate_services(mongo=mongo, JOBYARD_MONGO_URL=url, JOBYARD_EXECUTOR_SIMULATE="v100=4") as running:
        yield running


@pytest.fixture
def ledger(yard: SeparateServices, tmp_path: Path) -> Ledger:
    return Ledger(yard, tmp_path / "marks")


def test_the_database_killed_again_and_again_under_load(yard: SeparateServices, ledger: Ledger) -> None:
    with ledger.under_load(pause=0.4):
        for _ in range(4):
            time.sleep(2)
            yard.mongo.restart()
        wait_until(lambda: ledger.answers[201] > 10, "some are taken")
    ledger.settle()
    ledger.check()


def test_replies_lost_after_the_write_was_applied(ledger: Ledger, proxy: Proxy) -> None:
    """What a service did not hear back is unknown to it; it looks before it repeats."""
    with ledger.under_load(pause=0.4):
        for _ in range(8):
            lost = proxy.swallowed
            proxy.swallow()
            wait_until(lambda lost=lost: proxy.swallowed > lost, "a reply is lost")  # type: ignore[misc]
            proxy.pass_replies()
            time.sleep(1.5)
        wait_until(lambda: ledger.answers[201] > 10, "some are taken")
    assert proxy.swallowed >= 8
    ledger.settle()
    ledger.check()


def test_the_database_half_open_and_half_a_second_away(ledger: Ledger, proxy: Proxy) -> None:
    with ledger.under_load(threads=4, pause=0.4):
        proxy.delay_s = 0.25
        time.sleep(6)
        proxy.delay_s = 0
        proxy.freeze()
        time.sleep(12)
        proxy.thaw()
        wait_until(lambda: ledger.answers[201] > 5, "some are taken")
    ledger.settle()
    ledger.check()


def test_a_service_ends_when_told_to_though_its_database_is_silent(
    yard: SeparateServices, ledger: Ledger, proxy: Proxy
) -> None:
    """What waits for the database is given up then, not waited for."""
    with ledger.under_load():
        wait_until(lambda: len(ledger.acked) > 5, "jobs are under way")
        proxy.freeze()
        time.sleep(1)
        service = yard.processes.pop("jobs")
        service.terminate()
        wait_until(lambda: service.poll() is not None, "it ends", within=30)
        proxy.thaw()
        yard.start_service("jobs")
        wait_until(yard.is_ready, "it is ready again")
    assert service.returncode == 0, yard.output()[-9000:]
    ledger.settle()
