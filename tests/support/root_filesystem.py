"""A root file system for the containers of tests, from Debian's packages: where the tests run, no image can be pulled.

Made once and kept in the user's cache folder, under a name that says what is in it.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = ("python3-minimal", "libpython3-stdlib")
SUITE = "bookworm"
_APT = Path("/etc/apt")


def root_filesystem() -> Path:
    """A tar of a small Debian with Python 3. Raises RuntimeError when it cannot be made."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jobyard" / "images"
    kept = cache / f"{SUITE}-{'-'.join(PACKAGES)}.tar"
    if kept.exists():
        return kept
    cache.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            _make(kept)
    return kept


def _make(kept: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        raise RuntimeError("mmdebstrap is missing; on Debian: apt-get install mmdebstrap")
    sys.stderr.write(f"Making {kept.name} ... this takes a minute.\n")
    unfinished = kept.with_suffix(".new.tar")
    lists = [_APT / "sources.list", *sorted((_APT / "sources.list.d").glob("*"))]
    done = subprocess.run(
        [
            "mmdebstrap",
            "--quiet",
            "--variant=minbase",
            f"--include={','.join(PACKAGES)}",
            SUITE,
            unfinished,
            *[file for file in lists if file.exists() and file.stat().st_size],
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"mmdebstrap failed:\n{done.stdout[-4000:]}")
    unfinished.rename(kept)
