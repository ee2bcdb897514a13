"""NATS under load: killed every few seconds, away for longer than every timeout, far away, half-open, deleted."""

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.freezing import freeze
from tests.support.ledger import Ledger
from tests.support.nats import NatsServer
from tests.support.platform import Platform, platform
from tests.support.proxy import Proxy
from tests.support.waiting import wait_until

DEVICES = "v100=4"
AWAY_S = 40.0
"""Longer than a submission is repeated, a publication waits, an acknowledgement may take, and a node may be silent."""


@contextmanager
def far_platform() -> Iterator[tuple[Platform, NatsServer, Proxy]]:
    """A platform that reaches its NATS through a proxy."""
    with (
        NatsServer() as nats,
        Proxy(nats.port) as proxy,
        platform(DEVICES, JOBYARD_NATS_URL=f"nats://127.0.0.1:{proxy.port}") as yard,
    ):
        yield yard, nats, proxy


def test_nats_killed_every_few_seconds_under_load(tmp_path: Path) -> None:
    with platform(DEVICES) as yard:
        ledger = Ledger(yard, tmp_path / "marks")
        with ledger.under_load(pause=0.4):
            for _ in range(4):
                time.sleep(3)
                yard.kill_part("nats-server")
            wait_until(lambda: ledger.answers[201] > 20, "many are taken")
        ledger.settle()
        ledger.check()


def test_nats_away_for_longer_than_every_timeout(tmp_path: Path) -> None:
    """Jobs run and end meanwhile; what is submitted is refused or kept, and everything is said afterwards."""
    with far_platform() as (yard, nats, _):
        ledger = Ledger(yard, tmp_path / "marks")
        for seconds in (1, 5, 20, AWAY_S + 10) * 3:
            ledger.submit(seconds)
        wait_until(lambda: len(ledger.runs()) == len(ledger.acked) == 12, "all of them run")
        nats.kill()
        back = time.monotonic() + AWAY_S
        with ledger.under_load(threads=2, pause=1):
            time.sleep(max(0.0, back - time.monotonic()))
            nats.start()
        ledger.settle()
        ledger.check()
        assert ledger.answers[503] > 0
        assert {yard.job(id)["attempt"] for id in ledger.acked} == {1}


def test_nats_half_open_and_half_a_second_away(tmp_path: Path) -> None:
    with far_platform() as (yard, _, proxy):
        ledger = Ledger(yard, tmp_path / "marks")
        with ledger.under_load(threads=4, pause=0.3):
            proxy.delay_s = 0.25
            time.sleep(5)
            proxy.delay_s = 0
            proxy.freeze()
            time.sleep(8)
            proxy.thaw()
            wait_until(lambda: ledger.answers[201] > 10, "some are taken")
        ledger.settle()
        ledger.check()


def test_a_deleted_event_store_is_made_again_and_every_job_still_ends(tmp_path: Path) -> None:
    with platform(DEVICES) as yard:
        ledger = Ledger(yard, tmp_path / "marks")
        with ledger.under_load(pause=0.3, seconds=1):
            wait_until(lambda: len(ledger.acked) > 10, "some are there")
            server = yard.part("nats-server")
            freeze(server)  # or it writes new files while the old ones go
            shutil.rmtree(yard.data / "nats" / "store")
            os.kill(server, signal.SIGKILL)
            time.sleep(3)
        ledger.settle(within=90)
        ledger.check(whole=False)
