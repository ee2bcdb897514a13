"""What the jobs service answers and hears; the map at the end is the whole of it."""

from collections.abc import Sequence

from services.jobs import lookup
from services.jobs.apply import Applier
from services.jobs.counts import count_jobs
from services.jobs.domain.document import job_of
from services.jobs.domain.signals import Kill, Resume
from services.jobs.domain.signals import SetPriority as SetPrioritySignal
from services.jobs.place import lead, place
from services.jobs.room import Room
from services.jobs.submit import submit_all, validate
from services.jobs.wishes import change_all, pause
from shared.bus import codec
from shared.bus.subscriptions import Answers, Delivery, Shared
from shared.contracts import subjects
from shared.contracts.commands.changes import (
    CHANGE,
    KILL,
    OWNERS,
    PAUSE,
    RESUME,
    SET_PRIORITY,
    ChangeJob,
    ChangeJobs,
    ChangeOutcomes,
    GetOwners,
    JobOwner,
    JobOwners,
    SetPriority,
)
from shared.contracts.commands.checkpoints import CHECKPOINTS
from shared.contracts.commands.jobs import (
    ACTIVE,
    EVENTS,
    GET,
    VALIDATE,
    VIEWS,
    ActiveJobPage,
    GetJob,
    GetJobEvents,
    GetJobViews,
    JobEventPage,
    JobViews,
    ListActiveJobs,
)
from shared.contracts.commands.lists import COUNT, LIST, CountJobs, JobCounts, JobPage, ListJobs
from shared.contracts.commands.scheduling import LEAD, PLACE, Lead, Lease, Place, PlaceOutcomes
from shared.contracts.commands.submission import SUBMIT, NewJob, SubmitJobs, SubmitOutcomes, Submitted
from shared.contracts.events import CloudEvent, RunEvent
from shared.contracts.job import Job


class Handlers:
    """One method per subscription."""

    def __init__(self, applier: Applier, room: Room) -> None:
        self._applier = applier
        self._room = room

    async def submit(self, ask: SubmitJobs) -> SubmitOutcomes:
        self._room.check()
        return await submit_all(self._applier, ask)

    async def validate(self, ask: NewJob) -> Submitted:
        self._room.check()
        return await validate(self._applier, ask)

    async def get(self, ask: GetJob) -> Job:
        return job_of(await self._applier.head(ask.id), placed=True)

    async def list(self, ask: ListJobs) -> JobPage:
        return await lookup.list_jobs(self._applier.store, ask)

    async def count(self, ask: CountJobs) -> JobCounts:
        return await count_jobs(self._applier.store.heads, ask)

    async def events(self, ask: GetJobEvents) -> JobEventPage:
        return lookup.events_of(await self._applier.load(ask.id), ask)

    async def active(self, ask: ListActiveJobs) -> ActiveJobPage:
        return await lookup.list_active(self._applier.store, ask)

    async def views(self, ask: GetJobViews) -> JobViews:
        return await lookup.views_of(self._applier.store, ask)

    async def pause(self, ask: ChangeJob) -> Job:
        return job_of(await pause(self._applier, ask))

    async def resume(self, ask: ChangeJob) -> Job:
        return job_of(await self._applier.change(ask.id, Resume(), ask.actor, ask.correlation_id))

    async def kill(self, ask: ChangeJob) -> Job:
        return job_of(await self._applier.change(ask.id, Kill(ask.reason), ask.actor, ask.correlation_id))

    async def set_priority(self, ask: SetPriority) -> Job:
        signal = SetPrioritySignal(ask.priority)
        return job_of(await self._applier.change(ask.id, signal, ask.actor, ask.correlation_id))

    async def owners(self, ask: GetOwners) -> JobOwners:
        found = await self._applier.store.heads.get_many(ask.ids)
        return JobOwners.of(items=tuple(JobOwner.of(id=id, owner=j.owner, vc=j.request.vc) for id, j in found.items()))

    async def change(self, ask: ChangeJobs) -> ChangeOutcomes:
        return await change_all(self._applier, ask)

    async def lead(self, ask: Lead) -> Lease:
        return await lead(self._applier, ask)

    async def place(self, ask: Place) -> PlaceOutcomes:
        return await place(self._applier, ask)

    async def run_events(self, deliveries: Sequence[Delivery[CloudEvent[RunEvent]]]) -> None:
        await self._applier.observe([delivery.message for delivery in deliveries])


SUBSCRIPTIONS = (
    Answers(SUBMIT, Handlers.submit),
    Answers(VALIDATE, Handlers.validate),
    Answers(GET, Handlers.get),
    Answers(LIST, Handlers.list),
    Answers(COUNT, Handlers.count),
    Answers(EVENTS, Handlers.events),
    Answers(ACTIVE, Handlers.active),
    Answers(VIEWS, Handlers.views),
    Answers(PAUSE, Handlers.pause),
    Answers(RESUME, Handlers.resume),
    Answers(KILL, Handlers.kill),
    Answers(SET_PRIORITY, Handlers.set_priority),
    Answers(OWNERS, Handlers.owners),
    Answers(CHANGE, Handlers.change),
    Answers(LEAD, Handlers.lead),
    Answers(PLACE, Handlers.place),
    Shared("jobs", subjects.EVENTS, (subjects.RUN_EVENTS,), codec.run_event, Handlers.run_events),
)

ASKS = (CHECKPOINTS,)
