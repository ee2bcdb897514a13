"""What is kept of runs beside the cluster: the next process knows it, and a run that is forgotten leaves nothing."""

import shutil
from pathlib import Path

from services.executor.backends.kubernetes.kept import OUTPUT, Kept
from services.executor.backends.kubernetes.ways import FOLDER
from services.executor.domain.observation import Cancelled, Lost
from services.executor.shipment import POSITION
from shared.contracts.job import Reason
from shared.ids import new_id

RUN = f"{new_id()}.1"
LOST = Lost(Reason(code="node_lost", message="The node is gone."))


def opened(folder: Path) -> Kept:
    kept = Kept(folder)
    kept.open()
    return kept


def test_the_next_process_knows_which_runs_have_started_and_met_are_to_stop_have_ended_and_leave(
    tmp_path: Path,
) -> None:
    first, rank = opened(tmp_path), f"{RUN}-2"
    first.keep_direct(RUN, "u-1")
    first.keep_start(RUN, 1)
    first.keep_meeting(RUN, "10.0.0.9")
    first.ask_to_stop(RUN, {"at_ns": 2})
    first.ask_to_stop(rank, {"at_ns": 2})
    first.conclude(rank, LOST)
    first.let_go([rank])
    for kept in (first, opened(tmp_path)):
        assert (kept.has_started(RUN), kept.is_to_stop(RUN), kept.has_ended(RUN)) == (True, True, False)
        assert (kept.has_started(rank), kept.is_to_stop(rank), kept.has_ended(rank)) == (False, True, True)
        assert (kept.has_met(RUN), kept.meeting(RUN)) == (True, "10.0.0.9")
        assert (kept.is_direct(RUN), kept.useless(RUN)) == (True, "u-1")
        assert (kept.is_direct(rank), kept.useless(rank)) == (False, None)
        assert (kept.has_met(rank), kept.meeting(rank)) == (False, None)
        assert (kept.unfinished(), kept.leaving()) == ([RUN], [rank])
        assert (kept.end(rank), kept.end(RUN), kept.stop_of(RUN)) == (LOST, None, {"at_ns": 2})


def test_the_first_word_counts(tmp_path: Path) -> None:
    kept = opened(tmp_path)
    kept.ask_to_stop(RUN, {"at_ns": 1})
    kept.ask_to_stop(RUN, {"at_ns": 2})
    assert opened(tmp_path).stop_of(RUN) == {"at_ns": 1}


def test_a_run_that_is_forgotten_leaves_nothing_and_its_other_ranks_stay(tmp_path: Path) -> None:
    kept, rank = opened(tmp_path), f"{RUN}-1"
    for run_id in (RUN, rank):
        kept.keep_order(run_id, {"namespace": "jobyard-lab"})
        kept.keep_direct(run_id, "u-1")
        kept.keep_start(run_id, 1)
        kept.keep_meeting(run_id, "10.0.0.9")
        kept.ask_to_stop(run_id, {"at_ns": 1})
        kept.conclude(run_id, Cancelled(1))
        output = kept.path(run_id, OUTPUT)
        for path in (output, output.with_suffix(POSITION), output.with_suffix(".new")):
            path.touch()
        (tmp_path / f"{run_id}.order.new").touch()
        (tmp_path / f"{run_id}{FOLDER}").mkdir()
        (tmp_path / f"{run_id}{FOLDER}" / "jupyter.output").touch()
    kept.let_go([RUN])
    kept.forget([RUN])
    left = {path.name.removeprefix(rank) for path in tmp_path.iterdir()}
    rest = {".direct", ".start", ".meeting", ".stop", ".end", ".output", ".shipped", ".ways"}
    assert left == {".order", ".order.new", ".new"} | rest
    assert (kept.has_started(RUN), kept.is_to_stop(RUN), kept.has_ended(RUN), kept.leaving()) == (False,) * 3 + ([],)
    assert kept.has_ended(rank)
    kept.forget([RUN])


def test_whether_a_run_has_begun_or_ended_is_known_without_the_disk(tmp_path: Path) -> None:
    kept = opened(tmp_path / "runs")
    kept.keep_start(RUN, 1)
    shutil.rmtree(tmp_path / "runs")
    assert (kept.has_started(RUN), kept.is_to_stop(RUN), kept.has_ended(RUN)) == (True, False, False)
    assert (kept.end(RUN), kept.stop_of(RUN), kept.unfinished()) == (None, None, [])
