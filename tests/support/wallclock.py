"""A wall clock that a test moves, for every process of a platform at once; their monotonic clocks stay true."""

import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_suffix(".c")


class WallClock:
    """Compiles what is preloaded into `folder`; `environment` gives it to a program and its children."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "offset"
        self.jump(0)
        library = folder / "wallclock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, SOURCE, "-ldl"], check=True)
        self.environment = {"LD_PRELOAD": str(library), "WALLCLOCK_OFFSET": str(self._offset)}

    def jump(self, seconds: int) -> None:
        """So far from the true time, from now on."""
        if not self._offset.exists():
            self._offset.write_bytes(bytes(8))
        with self._offset.open("r+b") as file:
            file.write(struct.pack("=q", seconds))
