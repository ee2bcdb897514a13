"""Lists of jobs on both databases: whatever is asked for, every page is what working it out the slow way gives."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import datetime, timedelta
from functools import partial
from itertools import product
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.jobs.counts import count_jobs
from services.jobs.domain.cursor import Start, cursor_of
from services.jobs.domain.document import JobDocument
from services.jobs.domain.submission import submit
from services.jobs.lookup import list_jobs
from services.jobs.orders import OPEN, failed_between, place_of
from services.jobs.pages import Pages
from services.jobs.store import HOLDS, JOBS, LIMITED, JobStore
from services.jobs.walks import begin, order_for, plan, rest_of
from shared.contracts.commands.lists import CountJobs, JobCounts, JobPage, ListJobs
from shared.contracts.errors import Invalid
from shared.contracts.job import JobStatus
from shared.store.port import Between, Condition, Eq, In, Index, Schema, Swap
from shared.store.query import Fields
from shared.store.sqlite import SqliteStore
from shared.store.sqlite.table import Table
from tests.support.databases import Database
from tests.support.documents import NOW, new_job
from tests.support.lists import OWNERS, VCS, expected, some_job, some_list

EARLIER: Schema[JobDocument] = Schema(
    name=JOBS.name,
    dump=JOBS.dump,
    load=JOBS.load,
    indexes=(
        Index("owner_time", ("owner", "-submitted_at")),
        Index("owner_status_time", ("owner", "state.status", "-submitted_at")),
        Index("status_time", ("state.status", "-submitted_at")),
        Index("time", ("-submitted_at",)),
        Index("open", ("over",)),
        Index("idempotency_key", ("owner", "idempotency.key", "idempotency.day"), unique=True),
    ),
)
"""As version 0.1 declared it."""


def some(database: Database, count: int) -> int:
    """So many lists, and a third of them of a server that needs a dozen questions for each page."""
    return count // 3 if database.is_mongo else count


@pytest.fixture
async def jobs(database: Database) -> AsyncIterator[JobStore]:
    store = database.store("jobs")
    jobs = JobStore(store)
    await store.open()
    yield jobs
    await store.close()


async def whole(jobs: JobStore, ask: ListJobs) -> tuple[list[str], list[JobPage]]:
    """Every id of the list in the order of its pages, and the pages."""
    pages = [await list_jobs(jobs, ask)]
    while pages[-1].next_cursor is not None:
        pages.append(await list_jobs(jobs, ask.model_copy(update={"cursor": pages[-1].next_cursor})))
    return [job.id for page in pages for job in page.items], pages


async def before(jobs: JobStore, ask: ListJobs, page: JobPage) -> list[JobPage]:
    """The pages before this one, from the list's first on."""
    pages: list[JobPage] = []
    while page.prev_cursor is not None:
        page = await list_jobs(jobs, ask.model_copy(update={"cursor": page.prev_cursor}))
        pages.insert(0, page)
    return pages


def ids_of(*pages: JobPage) -> list[str]:
    return [job.id for page in pages for job in page.items]


def in_few_pages(ask: ListJobs, length: int) -> ListJobs:
    """The list with larger pages if it has many: each costs a slow server a dozen of questions."""
    return ask.model_copy(update={"limit": max(ask.limit, -(-length // PAGES))})


PAGES = 4
LONG: dict[str, int] = {}
SHORT = {"read": 20, "looked_at": 15}
"""Bounds that no list of these tests reaches, and some that most of them do."""


@pytest.mark.parametrize("bounds", [LONG, SHORT], ids=["read whole", "looked at in part"])
@pytest.mark.parametrize("seed", range(3))
async def test_every_list_in_every_order_holds_each_of_its_jobs_once(
    database: Database, jobs: JobStore, bounds: dict[str, int], seed: int
) -> None:
    chance = Random(seed)
    there = [some_job(chance) for _ in range(120)]
    await jobs.jobs.insert_many(there)
    jobs.pages = Pages(jobs.heads, **bounds)
    for _ in range(some(database, 80)):
        ask = some_list(chance)
        if database.is_mongo:
            ask = in_few_pages(ask, len(expected(there, ask)))
        ids, pages = await whole(jobs, ask)
        assert ids == expected(there, ask), ask
        for page in pages:
            assert page.total is not None
            if page.total_is == "exact":
                assert page.total == min(len(ids), bounds.get("read", len(ids)))
            else:
                assert page.total <= len(ids)
        if not bounds:
            assert {page.total_is for page in pages} == {"exact"}


@pytest.mark.parametrize("bounds", [LONG, SHORT], ids=["read whole", "looked at in part"])
async def test_before_every_page_of_every_list_stand_just_the_jobs_before_it(
    database: Database, jobs: JobStore, bounds: dict[str, int]
) -> None:
    chance = Random(11)
    there = [some_job(chance) for _ in range(120)]
    await jobs.jobs.insert_many(there)
    jobs.pages = Pages(jobs.heads, **bounds)
    for _ in range(some(database, 40)):
        ask = some_list(chance)
        if database.is_mongo:
            ask = in_few_pages(ask, len(expected(there, ask)))
        ids, pages = await whole(jobs, ask)
        assert pages[0].prev_cursor is None
        earlier = await before(jobs, ask, pages[-1])
        assert [*ids_of(*earlier), *ids_of(pages[-1])] == ids, ask
        assert all(page.back for page in earlier)
        for number, page in enumerate(earlier):
            assert len(page.items) == ask.limit or page.searched or number == 0
            assert {page.total, pages[-1].total} == {pages[-1].total} or page.total_is == "at_least"
            onwards = await list_jobs(jobs, ask.model_copy(update={"cursor": page.next_cursor}))
            after = ids_of(*earlier[: number + 1])
            assert ids_of(onwards) == ids[len(after) : len(after) + len(onwards.items)]
            assert onwards.items or onwards.searched or len(after) == len(ids)


@pytest.mark.parametrize("sort", ["id", "-name", "-submitted"])
@pytest.mark.parametrize("owner", ["ada", None])
async def test_while_jobs_arrive_none_is_missed_or_seen_twice_on_the_way_back(
    jobs: JobStore, owner: str | None, sort: str
) -> None:
    chance = Random(sort)
    there = [some_job(chance) for _ in range(40)]
    await jobs.jobs.insert_many(there)
    ask = ListJobs(owner=owner, sort=sort, limit=4)
    _, pages = await whole(jobs, ask)
    seen, page = ids_of(pages[-1]), pages[-1]
    while page.prev_cursor is not None:
        await jobs.jobs.insert_many([some_job(chance) for _ in range(3)] if len(seen) < 40 else [])
        page = await list_jobs(jobs, ask.model_copy(update={"cursor": page.prev_cursor}))
        seen = ids_of(page) + seen
    assert len(seen) == len(set(seen))
    assert [id for id in seen if id in set(expected(there, ask))] == expected(there, ask)


async def test_a_page_whose_jobs_have_gone_leads_to_what_is_left_on_both_sides(jobs: JobStore) -> None:
    there = [some_job(Random(number), owner="ada") for number in range(9)]
    await jobs.jobs.insert_many(there)
    ask = ListJobs(owner="ada", sort="id", limit=3)
    ids, pages = await whole(jobs, ask)
    for gone in ids[6:]:
        await jobs.jobs.delete(gone)
    end = await list_jobs(jobs, ask.model_copy(update={"cursor": pages[1].next_cursor}))
    assert (end.items, end.next_cursor) == ((), None)
    assert ids_of(await list_jobs(jobs, ask.model_copy(update={"cursor": end.prev_cursor}))) == ids[3:6]
    for gone in ids[:3]:
        await jobs.jobs.delete(gone)
    begin = await list_jobs(jobs, ask.model_copy(update={"cursor": pages[1].prev_cursor}))
    assert (begin.items, begin.prev_cursor) == ((), None)
    assert ids_of(await list_jobs(jobs, ask.model_copy(update={"cursor": begin.next_cursor}))) == ids[3:6]


async def test_everybodys_waiting_jobs_are_listed_by_every_column_however_many_wait(jobs: JobStore) -> None:
    """Of a list that is too long to be read or counted whole, the pages are full all the same."""
    chance = Random(8)
    there = [some_job(chance) for _ in range(120)]
    await jobs.jobs.insert_many(there)
    jobs.pages = Pages(jobs.heads, **SHORT)
    for sort in (sign + column for column in COLUMNS for sign in ("", "-")):
        ask = ListJobs(statuses=(JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.PAUSED), sort=sort, limit=12)
        ids, pages = await whole(jobs, ask)
        assert ids == expected(there, ask), sort
        assert len(ids) > SHORT["read"]
        assert {(page.total, page.total_is, page.searched) for page in pages} == {(SHORT["read"], "at_least", False)}
        assert {len(page.items) for page in pages[:-1]} == {12}


async def test_a_page_that_passed_many_jobs_by_answers_and_says_where_to_go_on(jobs: JobStore) -> None:
    chance = Random(9)
    there = [some_job(chance, owner="ada") for _ in range(90)]
    await jobs.jobs.insert_many(there)
    jobs.pages = Pages(jobs.heads, **SHORT)
    for owner in ("ada", None):
        ask = ListJobs(owner=owner, labels={"x/y": "1"}, device_type="v100", sort="name", limit=50)
        ids, pages = await whole(jobs, ask)
        assert ids == expected(there, ask)
        assert [page.searched for page in pages] == [True] * (len(pages) - 1) + [False]
        assert len(pages) >= 3
        assert all(page.total == len(page.items) and page.total_is == "at_least" for page in pages[:-1])


@pytest.mark.parametrize("sort", ["id", "-id", "name", "-name", "submitted", "-submitted"])
@pytest.mark.parametrize("owner", ["ada", None])
@pytest.mark.parametrize("bounds", [LONG, SHORT], ids=["read whole", "looked at in part"])
async def test_while_jobs_arrive_none_that_was_there_is_missed_and_none_is_seen_twice(
    jobs: JobStore, bounds: dict[str, int], owner: str | None, sort: str
) -> None:
    chance = Random(sort)
    jobs.pages = Pages(jobs.heads, **bounds)
    for labels in ({}, {"team": "a"}):
        there = [some_job(chance) for _ in range(40)]
        await jobs.jobs.insert_many(there)
        ask = ListJobs(owner=owner, labels=labels, sort=sort, limit=4)
        seen: list[str] = []
        arrived: list[JobDocument] = []
        cursor: str | None = None
        while True:
            page = await list_jobs(jobs, ask.model_copy(update={"cursor": cursor}))
            seen += [job.id for job in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
            more = [some_job(chance) for _ in range(3)] if len(arrived) < 60 else []
            await jobs.jobs.insert_many(more)
            arrived += more
        assert len(seen) == len(set(seen))
        assert set(expected(there, ask)) <= set(seen)
        assert arrived


@pytest.mark.parametrize("sort", ["-priority", "status", "-started", "user"])
async def test_jobs_that_move_meanwhile_make_nothing_fail(jobs: JobStore, sort: str) -> None:
    chance = Random(sort)
    there = {job.id: job for job in (some_job(chance) for _ in range(60))}
    await jobs.jobs.insert_many(list(there.values()))
    still = set(list(there)[::2])
    ask = ListJobs(sort=sort, limit=5)
    seen: set[str] = set()
    cursor: str | None = None
    while True:
        page = await list_jobs(jobs, ask.model_copy(update={"cursor": cursor}))
        seen |= {job.id for job in page.items}
        cursor = page.next_cursor
        if cursor is None:
            break
        for id in chance.sample(sorted(there.keys() - still), 5):
            before = there[id]
            moved = some_job(chance, id=id, version=before.version + 1, owner=before.owner)
            assert await jobs.jobs.swap_many([Swap(moved, before.version)]) == [True]
            there[id] = moved
    assert set(expected([there[id] for id in still], ask)) <= seen


async def test_a_job_is_found_by_its_id_if_it_is_in_the_list(jobs: JobStore) -> None:
    job, other = submit(new_job("01" + "A" * 24), NOW), submit(new_job("01" + "B" * 24), NOW)
    await jobs.jobs.insert_many([job, other])
    for sort in ("-submitted", "name", "-priority"):
        page = await list_jobs(jobs, ListJobs(owner="ada", q=job.id.lower(), sort=sort))
        assert ([item.id for item in page.items], page.total, page.next_cursor) == ([job.id], 1, None)
        assert (await list_jobs(jobs, ListJobs(owner="bob", q=job.id, sort=sort))).items == ()
        assert (await list_jobs(jobs, ListJobs(vcs=("lab",), q=job.id, sort=sort))).items == ()
        assert [item.id for item in (await list_jobs(jobs, ListJobs(q=job.id, sort=sort))).items] == [job.id]


@pytest.mark.parametrize("sort", ["finished", "-finished"])
async def test_behind_a_place_that_has_not_ended_lies_no_job_that_did(jobs: JobStore, sort: str) -> None:
    """Such a cursor is forged: no job of this list stands there."""
    await jobs.jobs.insert_many([some_job(Random(number), owner="ada") for number in range(20)])
    ask = ListJobs(owner="ada", finished_after=NOW, sort=sort)
    cursor = cursor_of(ask, Start((None, "01" + "A" * 24)))
    page = await list_jobs(jobs, ask.model_copy(update={"cursor": cursor}))
    ids, _ = await whole(jobs, ask)
    assert ids_of(page) == (ids if sort == "finished" else [])


async def test_jobs_that_an_earlier_version_stored_are_found(database: Database) -> None:
    chance = Random(1)
    there = [some_job(chance) for _ in range(60)]
    earlier = database.store("jobs")
    collection = earlier.collection(EARLIER)
    await earlier.open()
    await collection.insert_many(there)
    await earlier.close()
    store = database.store("jobs")
    jobs = JobStore(store)
    await store.open()
    try:
        for _ in range(40):
            ask = some_list(chance)
            ask = in_few_pages(ask, len(expected(there, ask)))
            ids, _ = await whole(jobs, ask)
            assert ids == expected(there, ask), ask
    finally:
        await store.close()


async def test_a_cursor_belongs_to_its_list_and_is_taken_as_it_was_given(jobs: JobStore) -> None:
    chance = Random(2)
    await jobs.jobs.insert_many([some_job(chance) for _ in range(60)])
    ask = ListJobs(owner="ada", limit=3)
    cursor = (await list_jobs(jobs, ask)).next_cursor
    assert cursor is not None
    assert (await list_jobs(jobs, ask.model_copy(update={"cursor": cursor, "limit": 9, "with_total": False}))).items
    others: list[dict[str, Any]] = [
        {"owner": "bob"},
        {"owner": None},
        {"vcs": ("lab",)},
        {"statuses": (JobStatus.QUEUED,)},
        {"labels": {"team": "a"}},
        {"submitted_after": NOW},
        {"finished_after": NOW},
        {"q": "t"},
        {"preemptible": False},
        {"sort": "submitted"},
    ]
    foreign = [ask.model_copy(update={"cursor": cursor, **other}) for other in others]
    other = "y" if cursor.startswith("x") else "x"
    altered = [cursor[:-1], cursor + "A", other + cursor[1:], cursor.swapcase(), "", "e30=", "\u00fc", "W10=" * 9]
    for wrong in (*foreign, *(ask.model_copy(update={"cursor": text}) for text in altered)):
        with pytest.raises(Invalid, match="next_cursor") as refused:
            await list_jobs(jobs, wrong)
        assert [error.field for error in refused.value.errors] == ["cursor"]


RIGHT: dict[str, Any] = {
    "id": "01" + "A" * 24,
    "owner": "ada",
    "request.name": "train",
    "request.devices": 1,
    "request.preemptible": False,
    "state.status": "queued",
    "state.priority": 100,
    "submitted_at": "2026-01-02T03:04:05.000Z",
    "state.started_at": None,
    "state.finished_at": "2026-01-02T03:04:05.000Z",
}
ALSO_RIGHT: dict[str, tuple[Any, ...]] = {
    "request.devices": (1,),
    "request.preemptible": (True,),
    "state.priority": (1,),
    "state.started_at": (None, "text"),
    "state.finished_at": (None, "text"),
}
"""Of VALUES; in the other keys it is any text."""

VALUES: tuple[Any, ...] = (
    *(None, [], ["a"], {}, {"$gt": ""}, True, "text", "\ud800"),
    *(1, -1, 10**30, -(10**30), 1.5, 1e308, float("nan"), float("inf")),
)


@pytest.mark.parametrize("owner", ["ada", None])
async def test_a_forged_cursor_is_refused_whatever_stands_in_it(jobs: JobStore, owner: str | None) -> None:
    """Its digest is right, as anybody can work it out: a value of another kind in a key's place, too few, too many."""
    await jobs.jobs.insert_many([some_job(Random(4), owner="ada") for _ in range(3)])
    for ask in (ListJobs(owner=owner, sort=sort + column) for column in COLUMNS for sort in ("", "-")):
        order = order_for(ask)
        right = [RIGHT[key.removeprefix("-")] for key in order]
        await list_jobs(jobs, ask.model_copy(update={"cursor": cursor_of(ask, Start(tuple(right)))}))
        deep: list[Any] = []
        for _ in range(150):
            deep = [deep]
        forged: list[Any] = [[], right[:-1], [*right, "a"], [right], deep, "text", 7, {"0": right[0]}]
        for at, key in enumerate(order):
            allowed = [repr(value) for value in ALSO_RIGHT.get(key.removeprefix("-"), ("text",))]
            wrong = [value for value in VALUES if repr(value) not in allowed]
            forged += [[*right[:at], value, *right[at + 1 :]] for value in wrong]
        for start in (Start(place, back) for place in forged for back in (False, True)):
            with pytest.raises(Invalid, match="next_cursor"):
                await list_jobs(jobs, ask.model_copy(update={"cursor": cursor_of(ask, start)}))


async def test_everybodys_jobs_that_are_over_are_in_no_list(jobs: JobStore) -> None:
    for ask, field in (
        (ListJobs(statuses=(JobStatus.QUEUED, JobStatus.FINISHED)), "statuses"),
        (ListJobs(finished_after=NOW), "finished_after"),
        (ListJobs(statuses=(JobStatus.QUEUED,), finished_before=NOW), "finished_before"),
    ):
        with pytest.raises(Invalid, match="of one owner") as refused:
            await list_jobs(jobs, ask)
        assert [error.field for error in refused.value.errors] == [field]


async def test_what_failed_since_a_moment_is_listed_and_counted_alike_however_many_jobs_there_are(
    jobs: JobStore,
) -> None:
    chance = Random(13)
    there = [some_job(chance, owner="ada") for _ in range(150)]
    await jobs.jobs.insert_many(there)
    jobs.pages = Pages(jobs.heads, read=60, looked_at=5)
    ended = sorted(job.state.finished_at for job in there if job.state.finished_at is not None)
    for since in (None, ended[len(ended) // 2]):
        ask = ListJobs(
            owner="ada",
            statuses=(JobStatus.FAILED, JobStatus.ERROR),
            finished_after=since,
            sort="-finished",
            limit=20,
        )
        ids, pages = await whole(jobs, ask)
        assert ids == expected(there, ask)
        counts = await count_jobs(jobs.heads, CountJobs(owner="ada", failed_since=since))
        assert (pages[0].total, pages[0].total_is) == (counts.failed, "exact")
        assert not any(page.searched for page in pages)
        assert counts.failed == len(ids) > 0


def number(there: list[JobDocument], *statuses: JobStatus, owner: str | None = None, vcs: tuple[str, ...] = VCS) -> int:
    return sum(job.state.status in statuses and owner in (None, job.owner) and job.request.vc in vcs for job in there)


async def test_jobs_are_counted_by_what_they_do_as_the_lists_would_show_them(jobs: JobStore) -> None:
    chance = Random(12)
    there = [some_job(chance) for _ in range(150)]
    await jobs.jobs.insert_many(there)
    for owner in (*OWNERS, "nobody", None):
        for vcs in (None, ("lab",), (), tuple(f"none-{n}" for n in range(40)) + VCS):
            counts = await count_jobs(jobs.heads, CountJobs(owner=owner, vcs=vcs))
            of = partial(number, there, owner=owner, vcs=VCS if vcs is None else vcs)
            assert counts == JobCounts(
                running=of(JobStatus.RUNNING, JobStatus.PAUSING, JobStatus.KILLING),
                waiting=of(JobStatus.QUEUED, JobStatus.SCHEDULING),
                paused=of(JobStatus.PAUSED),
                failed=None if owner is None else of(JobStatus.FAILED, JobStatus.ERROR),
            )
    ended = sorted(j.state.finished_at for j in there if j.owner == "ada" and j.state.finished_at is not None)
    for since in (ended[0], ended[len(ended) // 2], ended[-1], ended[-1] + timedelta(seconds=1)):
        later = [job for job in there if job.state.finished_at is not None and job.state.finished_at >= since]
        counts = await count_jobs(jobs.heads, CountJobs(owner="ada", failed_since=since))
        assert counts.failed == number(later, JobStatus.FAILED, JobStatus.ERROR, owner="ada")


COLUMNS = ("id", "name", "status", "devices", "preemptible", "priority", "submitted", "started", "finished", "user")
ASKS = [
    ListJobs(sort=sign + column, **conditions)
    for column in COLUMNS
    for sign in ("", "-")
    for conditions in (
        {"owner": "ada"},
        {"owner": "ada", "statuses": (JobStatus.QUEUED, JobStatus.RUNNING)},
        {"owner": "ada", "q": "t", "submitted_after": NOW, "submitted_before": NOW + timedelta(hours=1)},
        {"owner": "ada", "finished_after": NOW, "finished_before": NOW + timedelta(hours=1)},
        {"owner": "ada", "statuses": (JobStatus.FINISHED, JobStatus.FAILED), "finished_before": NOW},
        {"owner": "ada", "statuses": (JobStatus.FAILED, JobStatus.ERROR)},
        {"owner": "ada", "statuses": (JobStatus.FAILED, JobStatus.ERROR), "finished_after": NOW},
        {},
        {"vcs": ("lab", "default"), "submitted_after": NOW},
        {"statuses": (JobStatus.QUEUED,), "q": "t"},
        {"statuses": (JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.PAUSED), "preemptible": True},
    )
]


def test_every_walk_is_one_range_of_one_index(tmp_path: Path) -> None:
    """No step of any list goes through rows that it does not want, or sorts them."""
    path = tmp_path / "jobs.sqlite"
    asyncio.run(_made(path))
    table, fields = Table(JOBS), Fields(JOBS)
    chance = Random(3)
    with closing(sqlite3.connect(path)) as stranger:
        for ask in ASKS:
            chosen = plan(ask)
            for walks in (*chosen.whole, chosen.served):
                place = place_of(some_job(chance), walks.order)
                for walk, after in product(walks.walks, (None, place)):
                    beginning = begin(walk, walks.order, after)
                    rest = walk if after is None else rest_of(walk, walks.order)
                    if beginning is None or not fields.query(rest, *beginning, 50).starts:
                        continue
                    statements = [
                        table.find(fields.query(rest, *beginning, 50), 51),
                        table.count(fields.filter(walk), 9),
                    ]
                    for sql, arguments in statements:
                        steps = [row[3] for row in stranger.execute(f"EXPLAIN QUERY PLAN {sql}", arguments)]
                        reads = [step for step in steps if " jobs" in step]
                        assert reads and all("USING" in step and "INDEX" in step for step in reads), (ask, steps)
                        assert all(step.startswith("SEARCH") for step in reads), (ask, steps)
                        by_id = walks.order[0].removeprefix("-") == "id"
                        assert by_id or not [step for step in steps if "owner_id " in step or "open_id " in step], steps
                        assert not [step for step in steps if "TEMP B-TREE" in step], (ask, steps)


def test_every_other_question_is_one_range_of_its_index(tmp_path: Path) -> None:
    path = tmp_path / "jobs.sqlite"
    asyncio.run(_made(path))
    table, fields = Table(JOBS), Fields(JOBS)
    some = In("state.status", ("pausing", "killing"))
    asked: list[tuple[str, tuple[Condition, ...], tuple[str, ...], tuple[Any, ...] | None]] = [
        ("executor", (HOLDS, Eq("executor", "a")), ("id",), None),
        ("executor", (HOLDS, Eq("executor", "a")), ("id",), ("x",)),
        ("executor", (HOLDS, some), ("executor",), ("a", "x")),
        ("limited", (LIMITED, Between("state.due_at", high="2026")), ("state.due_at",), None),
        ("open_id", (OPEN,), ("id",), ("x",)),
        ("open_user", (OPEN, Eq("owner", "ada"), Eq("request.vc", "lab")), ("id",), None),
    ]
    counted: list[tuple[str, tuple[Condition, ...]]] = [
        ("owner_failures", (Eq("owner", "ada"), *failed_between(NOW, None))),
        ("owner_failures", (Eq("owner", "ada"), *failed_between(None, None))),
        ("owner_status", (Eq("owner", "ada"), some)),
        ("open_queue", (OPEN, some)),
        ("open_vc_queue", (OPEN, In("request.vc", ("lab", "default")), some)),
    ]
    with closing(sqlite3.connect(path)) as stranger:
        for index, where, order, after in asked:
            sql, arguments = table.find(fields.query(where, order, after, 50), 51)
            steps = [row[3] for row in stranger.execute(f"EXPLAIN QUERY PLAN {sql}", arguments)]
            reads = [step for step in steps if " jobs" in step]
            assert reads and all(step.startswith("SEARCH") and f"INDEX jobs.{index} " in step for step in reads), steps
            assert not [step for step in steps if "TEMP B-TREE" in step], steps
        for index, where in counted:
            sql, arguments = table.count(fields.filter(where), 50)
            steps = [row[3] for row in stranger.execute(f"EXPLAIN QUERY PLAN {sql}", arguments)]
            reads = [step for step in steps if " jobs" in step]
            assert reads and all(step.startswith("SEARCH") and f"INDEX jobs.{index} " in step for step in reads), steps


@pytest.mark.parametrize("sort", ["finished", "-finished"])
@pytest.mark.parametrize("since", [None, NOW])
def test_what_failed_in_a_time_is_one_range_of_the_failures_by_when_they_ended(
    tmp_path: Path, sort: str, since: datetime | None
) -> None:
    """Whoever has a million jobs that did not fail, or failed long ago, waits for none of them."""
    path = tmp_path / "jobs.sqlite"
    asyncio.run(_made(path))
    table, fields = Table(JOBS), Fields(JOBS)
    ask = ListJobs(owner="ada", statuses=(JobStatus.FAILED, JobStatus.ERROR), finished_after=since, sort=sort)
    chosen = plan(ask)
    assert chosen.served.exact
    (walk,) = chosen.served.walks
    with closing(sqlite3.connect(path)) as stranger:
        for sql, arguments in (
            table.find(fields.query(walk, chosen.order, None, 50), 51),
            table.find(fields.query(rest_of(walk, chosen.order), chosen.order, ("2026-02", "x"), 50), 51),
            table.count(fields.filter(walk), 50),
        ):
            steps = [row[3] for row in stranger.execute(f"EXPLAIN QUERY PLAN {sql}", arguments)]
            reads = [step for step in steps if " jobs" in step]
            assert reads and all("INDEX jobs.owner_failures (doc.owner=? AND doc.state.finished" in s for s in reads)
            assert not [step for step in steps if "TEMP B-TREE" in step], steps


async def _made(path: Path) -> None:
    store = SqliteStore(path)
    JobStore(store)
    await store.open()
    await store.close()
