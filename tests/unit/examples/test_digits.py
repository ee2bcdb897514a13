"""The example's own promise: stopped and resumed, it computes the same as without a stop."""

import os
import subprocess
import sys
from pathlib import Path

TRAIN = Path(__file__).resolve().parents[3] / "examples" / "digits" / "train.py"


def train(checkpoints: Path, *, resume: bool = False, pause: float = 0.0) -> subprocess.Popen[str]:
    environment = os.environ | {"JOBYARD_CHECKPOINT_DIR": str(checkpoints), "OMP_NUM_THREADS": "1"}
    environment |= {"JOBYARD_RESUME": "1"} if resume else {}
    words = [sys.executable, str(TRAIN), "--epochs", "6", "--pause", str(pause)]
    return subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True)


def epochs(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith(("epoch", "accuracy"))]


def test_a_stop_in_the_middle_changes_nothing(tmp_path: Path) -> None:
    with train(tmp_path / "a") as whole:
        expected = epochs(whole.communicate()[0].splitlines())
    assert len(expected) == 7

    before = []
    with train(tmp_path / "b", pause=60) as first:
        assert first.stdout is not None
        for line in first.stdout:
            before.append(line.rstrip())
            if line.startswith("epoch"):
                first.terminate()
        assert first.wait() == 0
    assert before[-1] == "told to stop: the checkpoint holds epoch 1"
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["digits.pkl"]

    with train(tmp_path / "b", resume=True) as second:
        after = second.communicate()[0].splitlines()
    assert after[0] == "resuming after epoch 1 from digits.pkl"
    assert epochs(before) + epochs(after) == expected
