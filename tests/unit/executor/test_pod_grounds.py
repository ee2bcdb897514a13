"""A run gets no folder whose name another run can give to a link before the run's container has it."""

from dataclasses import replace
from pathlib import Path

import pytest

from services.executor.backends.kubernetes.grounds import Grounds
from services.executor.backends.kubernetes.kept import Kept
from services.executor.backends.kubernetes.mounts import mounted
from services.executor.backends.protocol import RunOrder
from services.executor.domain.observation import Cancelled
from shared.ids import new_id
from tests.support.executor_backend import order_of

SRV = Path("/srv")
ME, BELOW, BESIDE = SRV / "projects/me", SRV / "projects/me/x", SRV / "projects/me-too"


def order(work: Path, data: Path | None = None) -> RunOrder:
    id = new_id()
    made = order_of(f"{id}.1", ("true",), SRV / "jobs" / id, 10)
    return replace(made, folders=replace(made.folders, work=work, data=data))


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    kept = Kept(tmp_path)
    kept.open()
    return kept


def ordered(kept: Kept, order: RunOrder) -> RunOrder:
    assert Grounds(kept).movable(order) is None
    folders = {str(path): read_only for path, read_only in mounted(order).items()}
    kept.keep_order(order.run_id, {"namespace": "jobyard-lab", "folders": folders})
    return order


@pytest.mark.parametrize("second", [order(BELOW), order(BESIDE, data=BELOW), order(BELOW / "deep")])
def test_what_lies_in_a_folder_that_a_living_run_may_write_to_waits_until_that_is_over(
    kept: Kept, tmp_path: Path, second: RunOrder
) -> None:
    first = ordered(kept, order(ME))
    kept.keep_start(first.run_id, 1)
    after = Kept(tmp_path)
    after.open()
    for each in (kept, after):
        reason = Grounds(each).movable(second)
        assert reason is not None
        assert (reason.code, reason.details["within"]) == ("path_movable", str(ME))
    kept.conclude(first.run_id, Cancelled(2))
    ordered(kept, second)


def test_nobody_gets_a_folder_around_one_that_another_run_waits_to_start_with(kept: Kept) -> None:
    first = ordered(kept, order(BESIDE, data=BELOW))
    reason = Grounds(kept).movable(order(ME))
    assert reason is not None
    assert (reason.code, reason.details) == ("path_movable", {"path": str(ME)})
    kept.keep_start(first.run_id, 1)
    ordered(kept, order(ME))


def test_runs_that_share_a_folder_or_only_read_around_it_are_in_nobodys_way(kept: Kept) -> None:
    ordered(kept, order(ME, data=BELOW))
    again = ordered(kept, order(ME, data=BELOW))
    ordered(kept, order(BESIDE, data=ME))
    ordered(kept, again)


def test_what_lies_in_a_folder_that_the_run_may_write_to_is_found_by_its_own_ranks_in_that() -> None:
    folders = mounted(order(ME, data=BELOW))
    assert {path for path in folders if path.is_relative_to(ME)} == {ME}
