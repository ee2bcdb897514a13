"""How much of the executor's disk may be taken by what runs print: by one run, and by all of them together.

The same disk has what starts, stops and ends are written down in, and the executor's documents. So some of it is kept
back from what runs print, and a run that prints without end can end like every other.
"""

import errno
import os
import threading
import time
from pathlib import Path

RESERVE_BYTES = 256 << 20
_RESERVED = 8
"""Of a small disk it is one part in so many."""
_LOOK_S = 1.0
"""Between two looks at the disk; what is claimed between them is counted."""


class Room:
    """Of the disk that the folder lies on. `run_bytes`: the most that is kept of one run; 0: no bound."""

    def __init__(self, folder: Path, run_bytes: int = 0) -> None:
        self.run_bytes = run_bytes
        self._folder = folder
        self._left = 0
        self._look_at = 0.0
        self._lock = threading.Lock()

    def claim(self, size: int) -> None:
        """So many bytes are to be written. Raises OSError as a full disk does, where they would take of the reserve."""
        with self._lock:
            now = time.monotonic()
            if now >= self._look_at:
                self._left = self._free()
                self._look_at = now + _LOOK_S
            if size > self._left:
                raise OSError(errno.ENOSPC, "what is left of the disk is kept for the ends of runs", str(self._folder))
            self._left -= size

    def _free(self) -> int:
        disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize - min(RESERVE_BYTES, disk.f_blocks * disk.f_frsize // _RESERVED)
