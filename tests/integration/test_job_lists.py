"""MY JOBS and ALL JOBS through the HTTP API of a running platform, over the jobs of several people."""

import asyncio
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

from services.jobs.domain.document import JobDocument
from services.jobs.store import JobStore
from shared.contracts.commands.lists import ListJobs
from shared.contracts.job import JobStatus
from shared.settings import PlatformSettings
from shared.store.open import open_store
from tests.support.lists import expected, some_job
from tests.support.platform import Platform
from tests.support.waiting import wait_until

STILL = (JobStatus.QUEUED, JobStatus.PAUSED, JobStatus.FINISHED, JobStatus.FAILED, JobStatus.KILLED)
"""What no part of the platform moves on by itself, as long as nothing can be placed."""

WAITING = (JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.PAUSED)


@dataclass
class Yard:
    """A running platform, and the jobs that were in its store before it began."""

    platform: Platform
    there: list[JobDocument]

    def listed(self, **query: Any) -> list[dict[str, Any]]:
        """Every job of the list, page by page."""
        items: list[dict[str, Any]] = []
        cursor: dict[str, str] = {}
        while True:
            page = self.platform.call("GET", "/jobs", 200, params={"limit": 7, **query, **cursor})
            items += page["items"]
            if page["next_cursor"] is None:
                assert (page["total"], page["total_is"]) == (len(items), "exact")
                return items
            cursor = {"cursor": page["next_cursor"]}

    def ids(self, **query: Any) -> list[str]:
        return [item["id"] for item in self.listed(**query)]


@pytest.fixture(scope="module")
def yard() -> Iterator[Yard]:
    there = _jobs(Random(4))
    with tempfile.TemporaryDirectory(prefix="jobyard-") as folder:
        running = Platform(Path(folder) / "data")
        asyncio.run(_fill(running.data, there))
        try:
            running.start()
            yield Yard(running, there)
        finally:
            running.close()


def _jobs(chance: Random) -> list[JobDocument]:
    """Jobs of ada, bob, eve and admin that nothing can run: no node has their devices."""
    found: list[JobDocument] = []
    while len(found) < 90:
        job = some_job(chance, owner=chance.choice(("ada", "bob", "eve", "admin")))
        if job.state.status in STILL:
            request = job.request.model_copy(update={"device_type": "none-such", "devices": 1 + len(found) % 3})
            found.append(job.model_copy(update={"request": request}))
    return found


async def _fill(data: Path, there: list[JobDocument]) -> None:
    store = open_store(PlatformSettings(data=data), "jobs", local=True)
    jobs = JobStore(store)
    await store.open()
    await jobs.jobs.insert_many(there)
    await store.close()


def test_mine_is_my_history_newest_first(yard: Yard) -> None:
    mine = ListJobs(owner="admin")
    assert yard.ids() == yard.ids(scope="mine") == expected(yard.there, mine)
    assert {item["owner"] for item in yard.listed()} == {"admin"}


def test_all_is_everybodys_queue_in_the_schedulers_order_with_owner_and_reason(yard: Yard) -> None:
    assert yard.ids(scope="all") == expected(yard.there, ListJobs(statuses=WAITING, sort="-priority"))

    def positions() -> list[int]:
        queued = [item for item in yard.listed(scope="all") if item["status"] == "queued"]
        return [item["reason"]["details"].get("position", 0) for item in queued]

    queued = sum(job.state.status is JobStatus.QUEUED for job in yard.there)
    wait_until(lambda: positions() == list(range(1, queued + 1)), "the scheduler has explained every queued job")
    assert {item["owner"] for item in yard.listed(scope="all")} == {"ada", "bob", "eve", "admin"}
    row = next(item for item in yard.listed(scope="all") if item["status"] == "queued")
    assert yard.platform.call("GET", f"/jobs/{row['id']}", 200)["reason"] == row["reason"]
    needs = row["reason"]["details"]["needs"]
    assert (
        (needs["device_type"], needs["devices"])
        == (row["device_type"], row["devices"])
        == ("none-such", row["devices"])
    )


@pytest.mark.parametrize("sort", "id name status devices preemptible priority submitted started finished user".split())
def test_every_column_sorts_both_lists_in_both_directions(yard: Yard, sort: str) -> None:
    for order in (sort, f"-{sort}"):
        assert yard.ids(scope="all", sort=order) == expected(yard.there, ListJobs(statuses=WAITING, sort=order))
        assert yard.ids(sort=order) == expected(yard.there, ListJobs(owner="admin", sort=order))


def test_every_filter_narrows_both_lists(yard: Yard) -> None:
    moment = sorted(job.submitted_at for job in yard.there)[45]
    text = moment.isoformat().replace("+00:00", "Z")
    filters: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"status": "paused"}, {"statuses": (JobStatus.PAUSED,)}),
        ({"vc": "lab"}, {"vcs": ("lab",)}),
        ({"vc": "nowhere"}, {"vcs": ("nowhere",)}),
        ({"device_type": "none-such"}, {"device_type": "none-such"}),
        ({"device_type": "v100"}, {"device_type": "v100"}),
        ({"preemptible": "true"}, {"preemptible": True}),
        ({"label": "team=a"}, {"labels": {"team": "a"}}),
        ({"label": ["team=b", "x/y=1"]}, {"labels": {"team": "b", "x/y": "1"}}),
        ({"submitted_after": text}, {"submitted_after": moment}),
        ({"submitted_before": text}, {"submitted_before": moment}),
        ({"q": "train"}, {"q": "train"}),
    ]
    for query, conditions in filters:
        everybodys = ListJobs(**{"statuses": WAITING, "sort": "-priority", **conditions})
        assert yard.ids(scope="all", **query) == expected(yard.there, everybodys), query
        assert yard.ids(**query) == expected(yard.there, ListJobs(owner="admin", **conditions)), query
    for query, conditions in (
        ({"finished_after": text}, {"finished_after": moment}),
        ({"finished_before": text}, {"finished_before": moment}),
        ({"finished_after": text, "sort": "-finished"}, {"finished_after": moment, "sort": "-finished"}),
    ):
        assert yard.ids(**query) == expected(yard.there, ListJobs(owner="admin", **conditions)), query
    adas = [job for job in yard.there if job.owner == "ada"]
    assert yard.ids(scope="all", owner="ada") == expected(adas, ListJobs(statuses=WAITING, sort="-priority"))
    assert yard.ids(scope="all", q=yard.ids(scope="all")[3]) == [yard.ids(scope="all")[3]]


@pytest.mark.parametrize("scope", ["mine", "all"])
def test_previous_shows_the_rows_before_and_next_leads_back_to_where_one_was(yard: Yard, scope: str) -> None:
    def page(**cursor: str) -> dict[str, Any]:
        found = yard.platform.call("GET", "/jobs", 200, params={"scope": scope, "limit": 4, "sort": "name", **cursor})
        assert isinstance(found, dict)
        return found

    pages = [page()]
    while pages[-1]["next_cursor"] is not None:
        pages.append(page(cursor=pages[-1]["next_cursor"]))
    assert pages[0]["prev_cursor"] is None
    assert len(pages) > 3
    for earlier, later in pairwise(pages[-3:]):
        before = page(cursor=later["prev_cursor"])
        assert [job["id"] for job in before["items"]] == [job["id"] for job in earlier["items"]]
        again = page(cursor=before["next_cursor"])
        assert [job["id"] for job in again["items"]] == [job["id"] for job in later["items"]]
    assert page(cursor=page(cursor=pages[0]["next_cursor"])["prev_cursor"])["prev_cursor"] is None
    other = "all" if scope == "mine" else "mine"
    yard.platform.call("GET", f"/jobs?scope={other}&limit=4&sort=name&cursor={pages[-1]['prev_cursor']}", 422)


def test_what_is_over_is_never_in_all(yard: Yard) -> None:
    for status in ("finished", "failed", "error", "killed"):
        problem = yard.platform.call("GET", f"/jobs?scope=all&status={status}", 422)
        assert "scope=mine" in problem["detail"]
    over = next(job for job in yard.there if job.state.status is JobStatus.FINISHED)
    assert yard.ids(scope="all", q=over.id) == []


def test_a_cursor_of_another_list_or_one_that_was_altered_is_refused(yard: Yard) -> None:
    cursor = yard.platform.call("GET", "/jobs?scope=all&limit=3", 200)["next_cursor"]
    assert yard.platform.call("GET", f"/jobs?scope=all&limit=9&cursor={cursor}", 200)["items"]
    for query in ("", "scope=all&sort=name", "scope=all&vc=lab", "scope=all&status=queued", "scope=all&q=t"):
        problem = yard.platform.call("GET", f"/jobs?{query}&cursor={cursor}", 422)
        assert [error["field"] for error in problem["errors"]] == ["cursor"]
    for altered in (cursor[:-2], cursor[1:], f"{cursor}AAAA", "x", "*", "%00", "%F0%9F%9A%80"):
        assert yard.platform.call("GET", f"/jobs?scope=all&limit=3&cursor={altered}", 422)["errors"]


def test_the_counts_are_those_of_the_lists(yard: Yard) -> None:
    def count(**query: str) -> Any:
        return yard.platform.call("GET", "/jobs:counts", 200, params=query)

    failed = {"failed": len(yard.ids(status="failed,error"))}
    for scope, more in (("mine", failed), ("all", {"failed": None})):
        waiting, paused = yard.ids(scope=scope, status="queued,scheduling"), yard.ids(scope=scope, status="paused")
        assert paused
        expected = {"running": 0, "waiting": len(waiting), "paused": len(paused), **more}
        assert count(scope=scope) == expected
    assert failed["failed"] > 0
    assert count(failed_since="2100-01-01T00:00:00Z")["failed"] == 0
