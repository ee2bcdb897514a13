"""Where a job's ranks are, as people are told."""

from services.jobs.domain.document import job_of
from services.jobs.domain.signals import Pause, Place
from shared.contracts.job import Allocation, Share
from tests.support.documents import after, queued, started, stopped

SHARES = tuple(Share(node=name, rank=rank, devices=(0, 1), executor="k") for rank, name in enumerate("aab"))
GANG = queued(nodes=3, devices=2, device_type="v100")
PLACED = after(GANG, Place(Allocation(shares=SHARES)))


def test_a_job_asked_for_by_id_says_where_its_ranks_are_while_it_holds_them() -> None:
    assert job_of(GANG, placed=True).placement is None
    assert job_of(PLACED, placed=True).placement == SHARES
    assert job_of(after(PLACED, started()), placed=True).placement == SHARES
    assert job_of(after(PLACED, started(), Pause(None), stopped()), placed=True).placement is None


def test_a_job_in_a_list_says_nothing_of_it() -> None:
    assert "placement" not in job_of(PLACED).model_dump(mode="json")


def test_the_nodes_that_start_it_are_named_once_each() -> None:
    reason = PLACED.state.reason
    assert reason is not None
    assert (reason.code, reason.message) == ("starting", "The nodes a, b are starting attempt 1.")
    assert reason.details == {"node": "a", "nodes": ["a", "b"], "attempt": 1}


def test_the_executor_of_its_nodes_answers_for_it() -> None:
    assert (GANG.executor, PLACED.executor) == (None, "k")


def test_devices_count_over_all_nodes() -> None:
    assert job_of(PLACED).devices_total == 6
