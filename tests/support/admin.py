"""`jobyard admin` as an operator runs it, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.platform import CHECKOUT


def admin(*words: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """What became of it. Settings of the tests' own environment are left out."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    return subprocess.run(
        [sys.executable, "-m", "jobyard", "admin", *map(str, words)],
        cwd=CHECKOUT,
        env=clean | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )


def done(*words: str | Path, **environment: str) -> str:
    """What one that worked has printed."""
    result = admin(*words, **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
