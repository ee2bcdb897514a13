"""The jobs service on a real nats-server and store: what is stored, what is refused, and what a stale leader may do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.jobs.app import build
from services.jobs.domain.cursor import Start, cursor_of
from shared.bus.bus import Bus, connect
from shared.bus.codec import job_event
from shared.bus.follow import Follower
from shared.contracts import subjects
from shared.contracts.commands.changes import KILL, PAUSE, RESUME, SET_PRIORITY, ChangeJob, SetPriority
from shared.contracts.commands.jobs import EVENTS, GET, VIEWS, GetJob, GetJobEvents, GetJobViews
from shared.contracts.commands.lists import LIST, ListJobs
from shared.contracts.commands.scheduling import LEAD, PLACE, Lead, Place, Placement, Preemption
from shared.contracts.commands.submission import SUBMIT, NewJob, SubmitJobs
from shared.contracts.errors import Conflict, Invalid, NotFound
from shared.contracts.events import CloudEvent, RunEvent, RunExited, RunStarted
from shared.contracts.job import Actor, Allocation, JobRequest, JobStatus, Reason, Share
from shared.contracts.notify import Notify
from shared.ids import new_id
from shared.runtime import serving
from shared.settings import PlatformSettings
from tests.support.documents import NOW
from tests.support.nats import NatsServer
from tests.support.waiting import until

ADA = Actor(kind="user", name="ada")
HERE = Allocation(shares=(Share(node="node-1"),))


@pytest.fixture
async def nats() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest.fixture
def settings(nats: NatsServer, tmp_path: Path) -> PlatformSettings:
    return PlatformSettings(data=tmp_path, nats_url=nats.url)


@pytest.fixture
async def bus(settings: PlatformSettings) -> AsyncIterator[Bus]:
    async with serving([build], settings), connect(settings.nats_url, "test") as client:
        yield client


def new(owner: str = "ada", key: str | None = None, fingerprint: str = "f", **request: Any) -> NewJob:
    fields = {"name": "train", "command": "true"} | request
    return NewJob(id=new_id(), owner=owner, request=JobRequest(**fields), idempotency_key=key, fingerprint=fingerprint)


async def submit(bus: Bus, *jobs: NewJob) -> list[str]:
    outcomes = (await bus.ask(SUBMIT, SubmitJobs(jobs=jobs or (new(),)))).outcomes
    assert all(outcome.id for outcome in outcomes)
    return [outcome.id or "" for outcome in outcomes]


async def status(bus: Bus, id: str) -> JobStatus:
    return (await bus.ask(GET, GetJob(id=id))).status


async def publish(bus: Bus, event: RunEvent, id: str | None = None) -> None:
    name = id or f"{event.run_id}:{event.fact}"
    envelope = CloudEvent[Any](
        id=name,
        type=f"io.jobyard.run.{event.fact}.v1",
        source="/executor/node-1",
        subject=event.job_id,
        time=NOW,
        data=event,
    )
    await bus.publish(subjects.run_event(event), envelope)


async def test_a_submission_is_stored_published_once_and_found_again_by_its_id(bus: Bus) -> None:
    job = new()
    for _ in range(3):
        assert await submit(bus, job) == [job.id]
    page = await bus.ask(EVENTS, GetJobEvents(id=job.id))
    assert [event.id for event in page.items] == [f"{job.id}:1"]
    follower = Follower(bus, subjects.EVENTS, (subjects.JOB_EVENTS,), start=1, new_only=False)
    await follower.open()
    messages = await follower.next()
    assert [job_event(message.subject, message.data).id for message in messages] == [f"{job.id}:1"]


async def test_a_key_is_its_owners_and_stands_for_one_body(bus: Bus) -> None:
    first = await submit(bus, new(key="k"))
    assert await submit(bus, new(key="k")) == first
    assert await submit(bus, new(owner="bob", key="k")) != first
    outcome = (await bus.ask(SUBMIT, SubmitJobs(jobs=(new(key="k", fingerprint="g"),)))).outcomes[0]
    assert outcome.refusal is not None and outcome.refusal.status == 409


async def test_the_same_key_twice_at_once_makes_one_job(bus: Bus) -> None:
    ids = await submit(bus, *(new(key="k") for _ in range(20)))
    assert len(set(ids)) == 1


async def test_one_refused_submission_does_not_spoil_its_neighbours(bus: Bus) -> None:
    await submit(bus, new(key="k"))
    asks = SubmitJobs(jobs=(new(), new(key="k", fingerprint="g"), new()))
    outcomes = (await bus.ask(SUBMIT, asks)).outcomes
    assert [outcome.refusal is None for outcome in outcomes] == [True, False, True]


async def test_pages_go_through_every_job_once_newest_first(bus: Bus) -> None:
    ids = [id for _ in range(5) for id in await submit(bus, *(new() for _ in range(7)))]
    seen: list[str] = []
    cursor = None
    while True:
        ask = ListJobs(owner="ada", limit=4, cursor=cursor)
        page = await bus.ask(LIST, ask)
        assert (page.total, page.total_is) == (35, "exact")
        seen += [job.id for job in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == sorted(ids, reverse=True)
    assert (await bus.ask(LIST, ListJobs(owner="bob"))).items == ()


FORGED: tuple[Any, ...] = ((), ("x",), ({}, "x"), ("x", 10**30), (True, float("nan")), ("\ud800", "x"))


@pytest.mark.parametrize(
    "cursor",
    [
        *("x", "bm8=", "e30=", "WzEsIDJd"),
        *(cursor_of(ListJobs(owner="ada"), Start(place, back)) for place in FORGED for back in (False, True)),
    ],
)
async def test_a_foreign_cursor_is_invalid(bus: Bus, cursor: str) -> None:
    with pytest.raises(Invalid):
        await bus.ask(LIST, ListJobs(owner="ada", cursor=cursor))


async def test_large_jobs_come_in_pages_that_fit_in_a_message(bus: Bus) -> None:
    for _ in range(12):
        await submit(bus, new(command="x" * 60_000, env={"A": "y" * 30_000, "B": "z" * 30_000}))
    items, cursor = 0, None
    while True:
        page = await bus.ask(LIST, ListJobs(owner="ada", limit=500, cursor=cursor))
        items, cursor = items + len(page.items), page.next_cursor
        if cursor is None:
            break
    assert items == 12


async def test_large_jobs_before_a_page_are_the_nearest_that_fit_in_a_message(bus: Bus) -> None:
    ids = [
        id
        for _ in range(12)
        for id in await submit(bus, new(command="x" * 60_000, env={"A": "y" * 30_000, "B": "z" * 30_000}))
    ]
    ask = ListJobs(owner="ada", limit=500, sort="id")
    last = await bus.ask(LIST, ask.model_copy(update={"limit": 11}))
    while last.next_cursor is not None:
        last = await bus.ask(LIST, ask.model_copy(update={"cursor": last.next_cursor}))
    before: list[str] = []
    page = last
    while page.prev_cursor is not None:
        page = await bus.ask(LIST, ask.model_copy(update={"cursor": page.prev_cursor}))
        assert 1 <= len(page.items) < 12
        before = [job.id for job in page.items] + before
    assert before == ids[: len(before)]
    assert [*before, *(job.id for job in last.items)] == ids


async def test_a_job_whose_folder_for_checkpoints_has_too_long_a_path_is_shown_without_it(bus: Bus) -> None:
    long, other = await submit(bus, new(job_path="x" * 1024), new(job_path="x" * 1012))
    assert (await bus.ask(GET, GetJob(id=long))).checkpoint_path is None
    listed = (await bus.ask(LIST, ListJobs(owner="ada"))).items
    assert {job.id: job.checkpoint_path for job in listed} == {long: None, other: "x" * 1012 + "/checkpoints"}


async def test_jobs_with_the_longest_webhooks_are_listed(bus: Bus) -> None:
    hooks = tuple(Notify(to=f"https://example.org/{number}/".ljust(2048, "x")) for number in range(10))
    await submit(bus, *(new(notify=hooks) for _ in range(25)))
    await submit(bus, *(new(notify=hooks) for _ in range(25)))
    items, cursor = 0, None
    while True:
        page = await bus.ask(LIST, ListJobs(owner="ada", cursor=cursor))
        items, cursor = items + len(page.items), page.next_cursor
        if cursor is None:
            break
    assert items == 50


async def test_views_that_find_no_room_in_a_reply_are_named_and_can_be_asked_for_again(bus: Bus) -> None:
    labels = {f"{number:063}": "x" * 63 for number in range(64)}
    asked = {id for _ in range(4) for id in await submit(bus, *(new(labels=labels) for _ in range(50)))}
    left, seen = sorted(asked), []
    while left:
        answer = await bus.ask(VIEWS, GetJobViews(ids=tuple(left)))
        seen += [view.id for view in answer.items]
        assert sorted([*(view.id for view in answer.items), *answer.left]) == sorted(left)
        left = list(answer.left)
    assert sorted(seen) == sorted(asked)


async def test_commands_that_make_no_sense_are_conflicts_and_unknown_jobs_are_not_found(bus: Bus) -> None:
    [id] = await submit(bus)
    with pytest.raises(NotFound):
        await bus.ask(KILL, ChangeJob(id=new_id(), actor=ADA))
    killed = await bus.ask(KILL, ChangeJob(id=id, actor=ADA))
    assert killed.status is JobStatus.KILLED
    again = await bus.ask(KILL, ChangeJob(id=id, actor=ADA))
    assert again == killed
    for command in (PAUSE, RESUME):
        with pytest.raises(Conflict, match="killed"):
            await bus.ask(command, ChangeJob(id=id, actor=ADA))


async def test_only_the_present_leader_places_and_only_what_has_not_moved_on(bus: Bus) -> None:
    first, second, third = await submit(bus, new(), new(), new())
    old = await bus.ask(LEAD, Lead(contender="old"))
    assert (await bus.ask(LEAD, Lead(contender="new"))).holder == "old"
    lease = await bus.ask(LEAD, Lead(contender="new", seen=old))
    assert (lease.holder, lease.epoch) == ("new", old.epoch + 1)
    with pytest.raises(Conflict, match="another scheduler leads"):
        await bus.ask(PLACE, Place(epoch=old.epoch, placements=(_placement(first),)))
    assert await status(bus, first) is JobStatus.QUEUED
    await bus.ask(KILL, ChangeJob(id=second, actor=ADA))
    plan = Place(
        epoch=lease.epoch,
        placements=(_placement(first), _placement(second), _placement(third, version=9)),
        preemptions=(Preemption(id=new_id(), version=1, reason=Reason(code="x", message="X.")),),
    )
    outcomes = (await bus.ask(PLACE, plan)).outcomes
    assert [outcome.done for outcome in outcomes] == [True, False, False, False]
    view = outcomes[0].view
    assert view is not None and (view.state.status, view.version) == (JobStatus.SCHEDULING, 2)


def _placement(id: str, version: int = 1) -> Placement:
    return Placement(id=id, version=version, allocation=HERE)


async def test_a_lease_that_still_beats_cannot_be_taken(bus: Bus) -> None:
    seen = await bus.ask(LEAD, Lead(contender="a"))
    assert (await bus.ask(LEAD, Lead(contender="a"))).beat > seen.beat
    assert (await bus.ask(LEAD, Lead(contender="b", seen=seen))).holder == "a"


async def test_run_events_in_the_wrong_order_and_more_than_once_give_the_same_history(bus: Bus) -> None:
    ids = await submit(bus, *(new() for _ in range(10)))
    lease = await bus.ask(LEAD, Lead(contender="a"))
    await bus.ask(PLACE, Place(epoch=lease.epoch, placements=tuple(_placement(id) for id in ids)))
    for number, id in enumerate(ids):
        run: dict[str, Any] = {"job_id": id, "vc": "default", "attempt": 1, "node": "node-1"}
        started = RunStarted(**run, started_at=NOW)
        ended = RunExited(**run, started_at=NOW, ended_at=NOW, exit_code=0)
        order = [ended, started] if number % 2 else [started, ended]
        for repeat in range(3):
            for event in order:
                await publish(bus, event, f"{id}-{number}-{repeat}-{event.fact}")
    for id in ids:
        await until(lambda id=id: _is_over(bus, id), "it is over")  # type: ignore[misc]
        page = await bus.ask(EVENTS, GetJobEvents(id=id))
        assert [event.jobversion for event in page.items] == [1, 2, 3, 4]
        assert [event.type.split(".")[3] for event in page.items][1:] == ["scheduled", "started", "finished"]


async def _is_over(bus: Bus, id: str) -> bool:
    return await status(bus, id) is JobStatus.FINISHED


async def test_what_was_stored_but_not_published_is_published_by_the_next_start(
    settings: PlatformSettings, nats: NatsServer
) -> None:
    async with serving([build], settings), connect(settings.nats_url, "test") as bus:
        await submit(bus, new())
        await until(lambda: _count(bus, 1), "the first is published")
    nats.wipe()
    nats.start()
    async with serving([build], settings), connect(settings.nats_url, "test") as bus:
        [id] = await submit(bus, new())
        await until(lambda: _count(bus, 1), "the second is published")
        message = await bus.js.get_last_msg(subjects.EVENTS, f"evt.job.submitted.v1.default.{id}")
        assert message.data


async def _count(bus: Bus, messages: int) -> bool:
    return (await bus.js.stream_info(subjects.EVENTS)).state.messages == messages


async def test_fifty_changes_at_once_each_get_a_version_of_their_own(bus: Bus) -> None:
    [id] = await submit(bus)
    asks = [SetPriority(id=id, actor=ADA, priority=number) for number in range(1, 51)]
    await asyncio.gather(*(bus.ask(SET_PRIORITY, ask) for ask in asks))
    page = await bus.ask(EVENTS, GetJobEvents(id=id))
    assert [event.jobversion for event in page.items] == list(range(1, 52))
