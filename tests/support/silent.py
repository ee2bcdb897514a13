"""A storage that does not answer, as a hard mount of NFS whose server is away: whoever touches it waits for ever."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

_libc = ctypes.CDLL(None, use_errno=True)


class Silence:
    """A file system in user space, `folder`, whose server reads no request until it is gone for good."""

    def __init__(self, folder: Path, server: int) -> None:
        self.folder = folder
        self._server = server

    def end(self) -> None:
        """Whoever waits gets an error."""
        if self._server >= 0:
            os.close(self._server)
            self._server = -1


@contextmanager
def silent_storage(folder: Path) -> Iterator[Silence]:
    """The test is skipped where nobody may mount one."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        silence = Silence(folder, os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC))
    except OSError as error:
        pytest.skip(f"a silent storage needs /dev/fuse: {error}")
    options = f"fd={silence._server},rootmode=40000,user_id=0,group_id=0,allow_other".encode()
    if _libc.mount(b"silent", os.fsencode(folder), b"fuse", 0, options):
        silence.end()
        pytest.skip(f"a silent storage needs root: {os.strerror(ctypes.get_errno())}")
    try:
        yield silence
    finally:
        silence.end()
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
