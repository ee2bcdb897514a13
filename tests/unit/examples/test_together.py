"""The example's own promise: several ranks compute what one computes, and a stop in the middle changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.ports import free_port

TRAIN = Path(__file__).resolve().parents[3] / "examples" / "together" / "train.py"


class Ranks:
    """A job of this example as its ranks know it."""

    def __init__(self, count: int, checkpoints: Path, *words: str, resume: bool = False) -> None:
        checkpoints.mkdir(exist_ok=True)
        place = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": str(count)}
        common = os.environ | place | {"JOBYARD_CHECKPOINT_DIR": str(checkpoints), "OMP_NUM_THREADS": "1"}
        common |= {"JOBYARD_RESUME": "1"} if resume else {}
        self.ranks = [
            subprocess.Popen(
                [sys.executable, str(TRAIN), "--epochs", "6", *words],
                env=common | {"RANK": str(rank)},
                stdout=subprocess.PIPE,
                text=True,
            )
            for rank in range(count)
        ]

    def __enter__(self) -> "Ranks":
        return self

    def __exit__(self, *_: object) -> None:
        for rank in self.ranks:
            rank.kill()
            rank.wait()
            if rank.stdout is not None:
                rank.stdout.close()

    def results(self) -> list[str]:
        """What rank 0 says of each epoch and of the end, once all have ended well."""
        said = [rank.communicate()[0] for rank in self.ranks]
        assert [rank.returncode for rank in self.ranks] == [0] * len(self.ranks)
        return [line for line in said[0].splitlines() if line.startswith(("epoch", "accuracy"))]


@pytest.fixture
def expected(tmp_path: Path) -> list[str]:
    with Ranks(1, tmp_path / "one") as one:
        results = one.results()
    assert len(results) == 7
    return results


def test_three_ranks_compute_what_one_computes(tmp_path: Path, expected: list[str]) -> None:
    with Ranks(3, tmp_path / "three") as three:
        assert three.results() == expected


def test_all_ranks_stop_after_the_same_epoch_whoever_was_told_and_go_on_from_there(
    tmp_path: Path, expected: list[str]
) -> None:
    checkpoints = tmp_path / "two"
    with Ranks(2, checkpoints, "--pause", "0.1") as first:
        out = first.ranks[0].stdout
        assert out is not None
        before = [out.readline().rstrip()]
        while not before[-1].startswith("epoch"):
            before.append(out.readline().rstrip())
        first.ranks[1].terminate()
        ends = [rank.communicate()[0].splitlines()[-1] for rank in first.ranks]
        assert [rank.returncode for rank in first.ranks] == [0, 0]
    assert ends[0] == ends[1] and ends[0].startswith("told to stop after epoch")
    done = int(ends[0].split()[-1])
    with Ranks(2, checkpoints, resume=True) as second:
        assert second.results() == expected[done:]
