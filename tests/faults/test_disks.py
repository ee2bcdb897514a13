"""Full disks, small ones of their own: what was acknowledged is kept, the rest is refused, and room heals it."""

import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.support.ledger import Ledger
from tests.support.nats import NatsServer
from tests.support.platform import Platform, platform
from tests.support.waiting import wait_until


class Disk:
    """A small file system that can be filled up and emptied."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fill(self) -> None:
        """Take every byte that is left."""
        with (self.folder / "ballast").open("ab", buffering=0) as ballast:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        ballast.write(b"\0" * size)
                except OSError:
                    continue

    def free(self) -> None:
        (self.folder / "ballast").unlink()


@contextmanager
def small_disk(folder: Path, mib: int) -> Iterator[Disk]:
    """A tmpfs at `folder`; the test is skipped where nobody may mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={mib}m", "tmpfs", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"a small disk needs root: {mounted.stderr.strip()}")
    try:
        yield Disk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_the_disk_of_nats_is_full_for_a_time(tmp_path: Path) -> None:
    """Jobs are stored, but nobody hears of them, and what runs cannot say how it ended; the platform says so itself.

    A nats-server that could not write a stream does not write it again until it is restarted.
    """
    with (
        small_disk(tmp_path / "disk", 16) as disk,
        NatsServer(disk.folder) as nats,
        platform("v100=4", JOBYARD_NATS_URL=nats.url) as yard,
    ):
        ledger = Ledger(yard, tmp_path / "marks")
        for _ in range(6):
            ledger.submit(seconds=1)
        with ledger.under_load():
            wait_until(lambda: len(ledger.runs()) >= 6, "some run")
            disk.fill()
            wait_until(lambda: yard.unrelayed() > 4, "events wait in the outbox")
            wait_until(lambda: "make room" in yard.http.get("/readyz").text, "the platform says what it needs")
            disk.free()
            nats.restart()
        wait_until(yard.is_ready, "it is ready again")
        ledger.settle()
        ledger.check()


def test_the_disk_of_the_consoles_is_full_for_a_time(tmp_path: Path) -> None:
    """Lines stay in memory meanwhile, and a kill costs none: the stream has them still."""
    with (
        small_disk(tmp_path / "disk", 4) as disk,
        platform("v100=4", JOBYARD_LOGS_FOLDER=str(disk.folder), JOBYARD_LOGS_SAVE_EVERY_S="0.5") as yard,
    ):
        ledger = Ledger(yard, tmp_path / "marks")
        disk.fill()
        with ledger.under_load():
            wait_until(lambda: len(ledger.acked) > 10, "jobs go on")
            yard.kill_part("core")
            wait_until(lambda: len(ledger.acked) > 20, "jobs go on")
            disk.free()
        ledger.settle()
        ledger.check()


def test_the_disk_of_the_documents_is_full_for_a_time(tmp_path: Path) -> None:
    """What cannot be stored is refused with 503, and what happened meanwhile to running jobs is taken in later."""
    data = tmp_path / "data"
    yard = Platform(data, "v100=4", {"JOBYARD_GATEWAY_SUBMIT_DEADLINE_S": "2"})
    with small_disk(data / "documents", 8) as disk, closing(yard):
        yard.start()
        ledger = Ledger(yard, tmp_path / "marks")
        for _ in range(6):
            ledger.submit(seconds=2)
        wait_until(lambda: len(ledger.runs()) >= 6, "they run")
        with ledger.under_load(pause=0.3):
            disk.fill()
            wait_until(lambda: ledger.answers[503] >= 3, "submissions are refused")
            disk.free()
            taken = ledger.answers[201]
            wait_until(lambda: ledger.answers[201] > taken + 5, "submissions are taken again")
        ledger.settle()
        ledger.check()
