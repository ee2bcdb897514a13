"""`make demo` ends with 0, leaves nothing behind, and its digits train the same with and without a pause."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.platform import CHECKOUT


def test_the_demo(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "examples.demo"],
        cwd=CHECKOUT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for said in ("resuming after epoch", "paused", "finished: ", "accuracy 0.9"):
        assert said in done.stdout
    assert list(tmp_path.iterdir()) == []
