"""Lists before they are read: the queue's order is the scheduler's, and which walks are chosen for what."""

from random import Random

import pytest

from services.jobs.domain.cursor import Start, cursor_of, start_in
from services.jobs.domain.document import JobHead, current_view
from services.jobs.orders import in_order, is_behind, order_of, place_of, reader_of
from services.jobs.walks import CLUSTERS, order_for, plan, turned
from services.scheduler.domain.order import key_of
from shared.contracts.commands.lists import QUEUE_ORDER, Column, ListJobs
from shared.contracts.job import JobStatus
from shared.store.port import Eq
from tests.support.documents import NOW
from tests.support.lists import some_job


def test_the_queue_is_listed_in_the_order_in_which_the_scheduler_looks_at_it() -> None:
    chance = Random(5)
    jobs: list[JobHead] = [some_job(chance) for _ in range(200)]
    by_scheduler = sorted(jobs, key=lambda job: key_of(current_view(job)))
    assert in_order(jobs, order_of(QUEUE_ORDER)) == by_scheduler


@pytest.mark.parametrize("column", Column)
def test_downwards_is_upwards_from_the_other_end(column: Column) -> None:
    chance = Random(6)
    jobs: list[JobHead] = [some_job(chance) for _ in range(100)]
    upwards, downwards = order_of(column), order_of(f"-{column}")
    assert in_order(jobs, downwards) == in_order(jobs, upwards)[::-1]
    middle = place_of(in_order(jobs, upwards)[40], upwards)
    assert [job for job in in_order(jobs, upwards) if is_behind(job, middle, upwards)] == in_order(jobs, upwards)[41:]


def test_the_default_lists_are_served_by_indexes_alone() -> None:
    mine = plan(ListJobs(owner="ada")).served
    assert mine.exact
    assert mine.walks == ((Eq("owner", "ada"),),)
    waiting = (JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.PAUSED)
    for vcs, number in ((None, 3), (("lab",), 3), (("a", "b"), 6), ((), 0)):
        everybodys = plan(ListJobs(vcs=vcs, statuses=waiting, sort=QUEUE_ORDER)).served
        assert everybodys.exact
        assert len(everybodys.walks) == number


def test_whoever_is_in_very_many_virtual_clusters_is_not_given_a_walk_for_each() -> None:
    vcs = tuple(f"vc-{number}" for number in range(CLUSTERS + 1))
    served = plan(ListJobs(vcs=vcs, statuses=(JobStatus.QUEUED,), sort=QUEUE_ORDER)).served
    assert not served.exact
    assert len(served.walks) == 1


def test_what_no_index_says_is_left_to_be_looked_at() -> None:
    for left in (
        ListJobs(owner="ada", labels={"team": "a"}),
        ListJobs(owner="ada", device_type="cpu"),
        ListJobs(owner="ada", preemptible=False),
        ListJobs(owner="ada", vcs=("lab",)),
        ListJobs(owner="ada", q="t"),
        ListJobs(owner="ada", statuses=(JobStatus.QUEUED,), sort="name"),
        ListJobs(owner="ada", submitted_after=NOW, sort="id"),
        ListJobs(labels={"team": "a"}, sort=QUEUE_ORDER),
    ):
        served = plan(left).served
        assert not served.exact, left
    for said in (
        ListJobs(owner="ada", q="t", sort="name"),
        ListJobs(owner="ada", submitted_after=NOW, submitted_before=NOW, statuses=(JobStatus.QUEUED,)),
        ListJobs(owner="ada", statuses=(JobStatus.QUEUED, JobStatus.FINISHED), sort="-status"),
    ):
        served = plan(said).served
        assert served.exact, said


@pytest.mark.parametrize("column", Column)
def test_everybodys_waiting_jobs_are_served_by_indexes_alone_in_every_order(column: Column) -> None:
    waiting = (JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.PAUSED)
    for statuses in (waiting, (*waiting, JobStatus.RUNNING), ()):
        for sort in (column.value, f"-{column}"):
            assert plan(ListJobs(statuses=statuses, sort=sort)).served.exact
    some = plan(ListJobs(statuses=(JobStatus.QUEUED,), sort=column))
    assert some.served.exact == (column in (Column.PRIORITY, Column.STATUS))
    assert some.counted is not None


@pytest.mark.parametrize("owner", ["ada", None])
@pytest.mark.parametrize("column", Column)
def test_a_cursor_holds_any_place_of_its_order(column: Column, owner: str | None) -> None:
    chance = Random(7)
    ask = ListJobs(owner=owner, sort=f"-{column}")
    order = order_for(ask)
    places = [place_of(some_job(chance), order) for _ in range(20)]
    for start in (Start(place, back) for place in (None, *places) for back in (False, True)):
        cursor = cursor_of(ask, start)
        assert len(cursor) < 512
        assert start_in(ask.model_copy(update={"cursor": cursor}), reader_of(order)) == start


@pytest.mark.parametrize("owner", ["ada", None])
@pytest.mark.parametrize("column", Column)
def test_a_list_that_is_turned_around_is_the_same_list_from_its_end(column: Column, owner: str | None) -> None:
    for sort in (column.value, f"-{column}"):
        ask = ListJobs(owner=owner, sort=sort, limit=7)
        opposite = tuple(key.removeprefix("-") if key.startswith("-") else f"-{key}" for key in order_for(ask))
        assert order_for(turned(ask)) == opposite
        assert turned(turned(ask)) == ask


def test_the_same_conditions_in_another_order_are_the_same_list() -> None:
    asked = ListJobs(owner="ada", labels={"a": "1", "b": "2"})
    cursor = cursor_of(asked, Start(("x", "A")))
    again = ListJobs(owner="ada", labels={"b": "2", "a": "1"}, cursor=cursor)
    assert start_in(again, reader_of(order_for(asked))) == Start(("x", "A"))
