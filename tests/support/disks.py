"""Small disks of a test's own, which can be filled up."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


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

    def leave(self, mib: int) -> None:
        """Take all but so much."""
        with (self.folder / "ballast").open("wb") as ballast:
            os.posix_fallocate(ballast.fileno(), 0, self.left() - (mib << 20))

    def left(self) -> int:
        """So many bytes."""
        stat = os.statvfs(self.folder)
        return stat.f_bavail * stat.f_frsize

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
