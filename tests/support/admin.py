"""`jobyard admin` as an operator runs it, in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.platform import CHECKOUT


def admin(*words: str | Path, answer: str | None = None, **environment: str) -> "subprocess.CompletedProcess[str]":
    """What became of it; with an answer it has a terminal for its input, and reads that. No settings of the tests' own
    environment.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    ours, theirs = os.openpty() if answer is not None else (None, None)
    try:
        if ours is not None:
            os.write(ours, f"{answer}\n".encode())
        return subprocess.run(
            [sys.executable, "-m", "jobyard", "admin", *map(str, words)],
            cwd=CHECKOUT,
            env=clean | environment,
            stdin=subprocess.DEVNULL if theirs is None else theirs,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )
    finally:
        for descriptor in (ours, theirs):
            if descriptor is not None:
                os.close(descriptor)


def done(*words: str | Path, answer: str | None = None, **environment: str) -> str:
    """What one that worked has printed."""
    result = admin(*words, answer=answer, **environment)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout
