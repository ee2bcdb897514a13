"""The shells of this machine, for scripts that images of all kinds are to run."""

import shutil
from pathlib import Path

SHELLS = sorted({str(Path(found).resolve()) for found in map(shutil.which, ("/bin/sh", "dash", "bash")) if found})
