"""What a list may be asked for, what becomes of it for each caller, and what is refused without asking anybody."""

from datetime import UTC, datetime
from typing import Any

import pytest

from shared.contracts.commands.lists import COUNT, LIST, CountJobs, JobCounts, JobPage, ListJobs
from shared.contracts.commands.scheduling import EXPLAIN, Explanation, Explanations
from shared.contracts.job import JobStatus, Reason
from tests.support.gateway import Gateway, add_job

WAITING = (JobStatus.QUEUED, JobStatus.SCHEDULING, JobStatus.PAUSED)


async def asked(yard: Gateway, query: str, name: str = "admin") -> ListJobs:
    """What the jobs service is asked for this query."""
    answer = await yard.call("GET", f"/jobs?{query}", name)
    assert answer.status_code == 200, answer.text
    return next(ask for ask in reversed(yard.bus.asked) if isinstance(ask, ListJobs))


async def test_mine_is_ones_own_in_every_status_newest_first(yard: Gateway) -> None:
    for query in ("", "scope=mine", "scope=mine&owner=admin"):
        ask = await asked(yard, query)
        assert (ask.owner, ask.vcs, ask.statuses, ask.sort) == ("admin", None, (), "-submitted")


async def test_all_is_everybodys_that_wait_in_the_order_of_the_queue(yard: Gateway) -> None:
    ask = await asked(yard, "scope=all")
    assert (ask.owner, ask.vcs, ask.statuses, ask.sort) == (None, None, WAITING, "-priority")


async def test_all_shows_a_member_only_their_own_virtual_clusters(yard: Gateway) -> None:
    await yard.add_account("ada", ("lab", "default"))
    await yard.add_account("eve", ())
    assert (await asked(yard, "scope=all", "ada")).vcs == ("default", "lab")
    assert (await asked(yard, "scope=all&vc=lab", "ada")).vcs == ("lab",)
    assert (await asked(yard, "scope=all&vc=secret", "ada")).vcs == ()
    assert (await asked(yard, "scope=all&owner=bob", "ada")).vcs == ("default", "lab")
    assert (await asked(yard, "scope=all", "eve")).vcs == ()
    assert (await asked(yard, "scope=all&vc=secret")).vcs == ("secret",)


async def test_all_takes_what_has_not_ended_and_refuses_what_has(yard: Gateway) -> None:
    ask = await asked(yard, "scope=all&status=queued,running,pausing,killing")
    assert {str(status) for status in ask.statuses} == {"queued", "running", "pausing", "killing"}
    for status in ("finished", "failed", "error", "killed"):
        answer = await yard.call("GET", f"/jobs?scope=all&status=queued,{status}")
        assert answer.status_code == 422
        assert status in answer.json()["detail"]
        assert "scope=mine" in answer.json()["detail"]


async def test_every_filter_reaches_the_jobs_service(yard: Gateway) -> None:
    query = (
        "scope=all&status=queued,%20paused&vc=default&owner=ada&device_type=v100&preemptible=true"
        "&label=team=vision&label=a/b=x=1&submitted_after=2026-01-02T03:04:05Z"
        "&submitted_before=2026-01-02T05:04:05.678%2B01:00&q=train&sort=-name&limit=7"
    )
    ask = await asked(yard, query)
    assert ask == ListJobs(
        owner="ada",
        vcs=("default",),
        statuses=(JobStatus.QUEUED, JobStatus.PAUSED),
        device_type="v100",
        preemptible=True,
        labels={"team": "vision", "a/b": "x=1"},
        submitted_after=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        submitted_before=datetime(2026, 1, 2, 4, 4, 5, 678000, tzinfo=UTC),
        q="train",
        sort="-name",
        limit=7,
    )


async def test_when_ones_own_jobs_have_ended_reaches_the_jobs_service(yard: Gateway) -> None:
    ask = await asked(yard, "finished_after=2026-01-02T00:00:00%2B08:00&finished_before=2026-01-02T00:00:00Z")
    after, before = datetime(2026, 1, 1, 16, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    assert ask == ListJobs(owner="admin", finished_after=after, finished_before=before)


NONSENSE = {
    "scope=x": "scope",
    "scope[$ne]=mine": "scope[$ne]",
    "status=asleep": "status",
    "status=" + "queued," * 100: "status",
    "status[$ne]=running": "status[$ne]",
    "vc=a%20b": "vc",
    "vc=" + "x" * 64: "vc",
    "vc[$in]=a": "vc[$in]",
    "owner=bob": "owner",
    "scope=all&owner={%22$ne%22:null}": "owner",
    "scope=all&owner[$ne]=x": "owner[$ne]",
    "device_type=V100": "device_type",
    "device_type=$where": "device_type",
    "preemptible=maybe": "preemptible",
    "preemptible={%22$ne%22:true}": "preemptible",
    "label=team": "label",
    "label==x": "label",
    "label=$ne=x": "label",
    "label=a.b=x": "label",
    "label=a=x%0ay": "label",
    "label=a=1&label=a=2": "label",
    "&".join(f"label=a{number}=1" for number in range(65)): "label",
    "submitted_after=yesterday": "submitted_after",
    "submitted_after=1700000000": "submitted_after",
    "submitted_after=2026-01-02": "submitted_after",
    "submitted_before=2026-01-02T03:04:05": "submitted_before",
    "submitted_before=0001-01-01T00:00:00%2B14:00": "submitted_before",
    "submitted_before=" + "9" * 5000: "submitted_before",
    "finished_after=today": "finished_after",
    "finished_after[$gt]=2026-01-02T00:00:00Z": "finished_after[$gt]",
    "finished_after=2026-01-02T00:00:00": "finished_after",
    "finished_before=" + "9" * 5000: "finished_before",
    "scope=all&finished_after=2026-01-02T00:00:00Z": "finished_after",
    "scope=all&finished_before=2026-01-02T00:00:00Z": "finished_before",
    "q=": "q",
    "q=a%25": "q",
    "q=" + "x" * 65: "q",
    "q={%22$regex%22:%22.*%22}": "q",
    "sort=colour": "sort",
    "sort=--id": "sort",
    "sort=state.priority": "sort",
    "sort=-": "sort",
    "sort=id,name": "sort",
    "limit=0": "limit",
    "limit=501": "limit",
    "limit=many": "limit",
    "limit=" + "9" * 400: "limit",
    "colour=red": "colour",
    "cursor=" + "x" * 600: "cursor",
}


@pytest.mark.parametrize(("query", "field"), NONSENSE.items(), ids=[query[:40] for query in NONSENSE])
async def test_queries_that_make_no_sense_ask_nobody(yard: Gateway, query: str, field: str) -> None:
    answer = await yard.call("GET", f"/jobs?{query}")
    assert answer.status_code == 422
    assert [error["field"].split(".")[0] for error in answer.json()["errors"]] == [field]
    assert answer.json()["detail"].endswith(".")
    assert yard.bus.asked == []


async def test_a_page_that_ended_since_its_jobs_are_rare_is_answered_as_it_is(yard: Gateway) -> None:
    job = add_job(yard)
    rare = JobPage(items=(job,), next_cursor="on", total=1, total_is="at_least", searched=True)
    yard.bus.answers[LIST.subject] = lambda ask: rare
    page = (await yard.call("GET", "/jobs?label=team=vision")).json()
    assert ([item["id"] for item in page["items"]], page["next_cursor"]) == ([job.id], "on")
    assert (page["total"], page["total_is"]) == (1, "at_least")
    assert sum(isinstance(ask, ListJobs) for ask in yard.bus.asked) == 1


async def test_queued_jobs_of_everybody_say_why_they_wait_and_hide_what_is_secret(yard: Gateway) -> None:
    await yard.add_account("ada")
    job = add_job(yard)
    add_job(yard, status=JobStatus.FINISHED)
    add_job(yard, vc="secret")
    reason = Reason(code="devices", message="Waits.")
    yard.bus.answers[EXPLAIN.subject] = lambda ask: Explanations(
        items=tuple(Explanation(id=id, reason=reason) for id in ask.ids)
    )
    items: list[Any] = (await yard.call("GET", "/jobs?scope=all", "ada")).json()["items"]
    assert [(item["id"], item["owner"], item["reason"]["code"]) for item in items] == [(job.id, "admin", "devices")]
    assert items[0]["env"] == {"TOKEN": "***"}


COUNTS = JobCounts(running=1, waiting=2, paused=3, failed=None)


async def counted(yard: Gateway, query: str, name: str = "admin") -> CountJobs:
    """What the jobs service is asked to count for this query."""
    yard.bus.answers[COUNT.subject] = lambda ask: COUNTS
    answer = await yard.call("GET", f"/jobs:counts?{query}", name)
    assert (answer.status_code, answer.json()) == (200, COUNTS.model_dump())
    ask = yard.bus.asked[-1]
    assert isinstance(ask, CountJobs)
    return ask


async def test_the_same_jobs_are_counted_that_the_lists_show(yard: Gateway) -> None:
    await yard.add_account("ada", ("lab", "default"))
    since = datetime(2026, 1, 2, tzinfo=UTC)
    assert await counted(yard, "", "ada") == CountJobs(owner="ada")
    mine = await counted(yard, "scope=mine&failed_since=2026-01-02T00:00:00Z", "ada")
    assert mine == CountJobs(owner="ada", failed_since=since)
    assert await counted(yard, "scope=all", "ada") == CountJobs(vcs=("default", "lab"))
    assert await counted(yard, "scope=all") == CountJobs()


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("scope=theirs", "scope"),
        ("owner=ada", "owner"),
        ("failed_since=yesterday", "failed_since"),
        ("failed_since=1700000000", "failed_since"),
        ("failed_since=" + "9" * 5000, "failed_since"),
        ("failed_since={%22$gt%22:0}", "failed_since"),
        ("scope=all&failed_since=2026-01-02T00:00:00Z", "failed_since"),
    ],
)
async def test_counts_that_make_no_sense_ask_nobody(yard: Gateway, query: str, field: str) -> None:
    answer = await yard.call("GET", f"/jobs:counts?{query}")
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]
    assert yard.bus.asked == []
