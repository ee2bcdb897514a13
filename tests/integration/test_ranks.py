"""A job of several ranks on the platform as `jobyard up` starts it: trained, paused, resumed, and what it shows."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.platform import CHECKOUT, Platform, platform
from tests.support.waiting import wait_until

EXAMPLE = CHECKOUT / "examples" / "together"


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(simulate="v100=4", JOBYARD_PATH_ROOTS=str(EXAMPLE)) as running:
        yield running


def console(yard: Platform, id: str, **of: int) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = yard.call("GET", f"/jobs/{id}/logs", 200, params=of)["lines"]
    return lines


def said(yard: Platform, id: str, rank: int) -> list[str]:
    lines = console(yard, id, rank=rank)
    assert {line["rank"] for line in lines} <= {rank}
    return [line["text"] for line in lines]


def test_two_ranks_train_one_model_and_a_pause_in_the_middle_changes_nothing(yard: Platform) -> None:
    def train(pause: str) -> str:
        command = f"exec {sys.executable} {EXAMPLE / 'train.py'} --epochs 20 --pause {pause}"
        return yard.submit(command, nodes=2, cpus=0.5, device_type="v100", devices=1, env={"OMP_NUM_THREADS": "1"})

    def epochs(id: str) -> list[str]:
        return [text for text in said(yard, id, 0) if text.startswith(("epoch", "accuracy"))]

    whole = train("0")
    assert yard.wait(whole)["status"] == "finished"
    assert len(epochs(whole)) == 21
    id = train("$((JOBYARD_RESUME ? 0 : 2))")  # far more than it takes to be paused, and fast once resumed
    wait_until(lambda: len(epochs(id)) >= 3, "it trains")
    yard.call("POST", f"/jobs/{id}/pause", 202)
    paused = yard.wait(id, "paused")
    assert paused["status"] == "paused"
    done = len(epochs(id))
    assert said(yard, id, 0)[-1] == said(yard, id, 1)[-1] == f"told to stop after epoch {done}"
    yard.call("POST", f"/jobs/{id}/resume", 202)
    assert yard.wait(id)["status"] == "finished"
    assert epochs(id) == epochs(whole)
    assert f"resuming after epoch {done} from together.pkl" in said(yard, id, 1)
    assert yard.job(id)["usage"]["reported"]["epoch"] == 20


def test_the_rank_that_failed_first_is_named_and_its_lines_can_be_read_alone(yard: Platform) -> None:
    command = 'echo "I am $RANK"; if [ $RANK = 1 ]; then echo broken >&2; exit 3; fi; sleep 600'
    id = yard.submit(command, nodes=2, cpus=0.1)
    done = yard.wait(id)
    assert (done["status"], done["exit_code"]) == ("failed", 3)
    assert (done["reason"]["code"], done["reason"]["details"]["rank"]) == ("command_failed", 1)
    assert done["reason"]["message"].startswith("Rank 1 on node ")
    assert said(yard, id, 1) == ["I am 1", "broken"]
    assert sorted(line["text"] for line in console(yard, id)) == ["I am 0", "I am 1", "broken"]


def test_a_download_has_all_ranks_one_after_the_other_or_one_alone(yard: Platform) -> None:
    id = yard.submit('echo "I am $RANK"', nodes=3, cpus=0.1)
    yard.wait(id)

    def download(**of: int) -> str:
        return yard.http.get(f"/api/v1/jobs/{id}/logs/download", params=of, headers=yard.headers()).text

    whole = "".join(f"==> rank {rank} <==\nI am {rank}\n" for rank in range(3))
    assert download() == whole
    assert download(rank=2) == "I am 2\n"


@pytest.mark.parametrize("what", ["logs", "logs/follow", "logs/download"])
@pytest.mark.parametrize("rank", ["2", "-1", "1024", "x", "1e3"])
def test_a_rank_that_the_job_does_not_have_is_refused_with_what_it_has(yard: Platform, what: str, rank: str) -> None:
    id = yard.submit("true", nodes=2, cpus=0.1)
    refused = yard.call("GET", f"/jobs/{id}/{what}?rank={rank}", 422)
    if rank == "2":
        assert refused["detail"] == "The job has 2 nodes; its ranks are 0 to 1."
