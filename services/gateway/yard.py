"""The jobs as one caller sees them: looked up, allowed or refused, explained, redacted, and with their actions."""

import asyncio
from typing import Any

import structlog

from services.gateway import asking
from services.gateway.asking import StoredPage
from services.gateway.audited import Author
from services.gateway.domain.access import Caller, Right, actions, may, no_such_job, require, visible
from services.gateway.domain.bounds import PolicyOf, check_priority
from services.gateway.domain.discretion import named, shown, told
from services.gateway.environment import as_written
from services.gateway.pulls import PullsOfJobs
from services.gateway.resources.jobs import Job, JobPage
from services.gateway.summaries import Summaries
from shared.bus.bus import Bus
from shared.contracts.commands.changes import ChangeJob, SetPriority
from shared.contracts.commands.command import Command
from shared.contracts.commands.jobs import EVENTS, GetJob, GetJobEvents
from shared.contracts.commands.lists import COUNT, CountJobs, JobCounts, ListJobs
from shared.contracts.commands.scheduling import EXPLAIN, ExplainJobs, Explanation
from shared.contracts.errors import NotFound, Refusal
from shared.contracts.events import AnyCloudEvent
from shared.contracts.job import JobStatus, Reason
from shared.contracts.metrics import JobUsage

log = structlog.get_logger()

WAITS = Reason(code="queued", message="Waits in the queue; the scheduler has not said more yet.")
SCHEDULED = "io.jobyard.job.scheduled.v1"


class Yard:
    """What the routes ask for. Its methods raise Refusals that a person can act on."""

    def __init__(
        self,
        bus: Bus,
        policy_of: PolicyOf,
        summaries: Summaries,
        pulls: PullsOfJobs,
        timeout_s: float,
        explain_timeout_s: float,
    ) -> None:
        self._bus = bus
        self._policy_of = policy_of
        self._summaries = summaries
        self._pulls = pulls
        self._timeout_s = timeout_s
        self._explain_timeout_s = explain_timeout_s

    async def stored(self, caller: Caller, job_id: str, right: Right) -> Job:
        """The job as the jobs service has it, if the caller has this right. Raises NotFound, Forbidden."""
        try:
            job = await self._bus.ask(asking.GET, GetJob(id=job_id), self._timeout_s)
        except NotFound:
            raise no_such_job(job_id) from None
        require(caller, job, right)
        return job

    async def get(self, caller: Caller, job_id: str) -> Job:
        """One job."""
        return await self.shown(caller, await self.stored(caller, job_id, Right.SEE))

    async def shown(self, caller: Caller, job: Job) -> Job:
        """The job as the caller sees it, with the present reason of one that waits, and the jobs in its way."""
        (shown_job,), pull = await asyncio.gather(self._shown(caller, [job], blockers_of=job.id), self._pulls.of(job))
        return shown_job if pull is None else shown_job.model_copy(update={"reason": pull})

    def submitted(self, caller: Caller, job: Job, warnings: tuple[str, ...] = ()) -> Job:
        """The same for a job that was stored this moment, or would be: nothing more can be known of it yet."""
        shown_job = _resource(caller, job)
        return shown_job.model_copy(update={"warnings": warnings}) if warnings else shown_job

    async def page(self, caller: Caller, ask: ListJobs) -> JobPage:
        """A page of a list. The jobs service pages by size, so this asks until there are enough jobs.

        Not for one that ended since its jobs are rare: whoever asked decides whether to go on.
        """
        first = page = await self._bus.ask(asking.LIST, ask, self._timeout_s)
        if page.back and not page.items and page.prev_cursor is None:  # what stood before is gone: begin anew
            return await self.page(caller, ask.model_copy(update={"cursor": None}))
        found = list(page.items)
        while (cursor := _onwards(page)) is not None and page.items and not page.searched and len(found) < ask.limit:
            rest = {"limit": ask.limit - len(found), "cursor": cursor, "with_total": False}
            page = await self._bus.ask(asking.LIST, ask.model_copy(update=rest), self._timeout_s)
            found = [*page.items, *found] if first.back else [*found, *page.items]
        items = await self._shown(caller, found)
        earliest, latest = (page, first) if first.back else (first, page)
        return JobPage(
            items=tuple(items),
            total=max(first.total or 0, len(items)),
            total_is=first.total_is,
            next_cursor=latest.next_cursor,
            prev_cursor=earliest.prev_cursor,
        )

    async def counts(self, ask: CountJobs) -> JobCounts:
        """How many jobs a list has, by what they do."""
        return await self._bus.ask(COUNT, ask, self._timeout_s)

    async def change(self, caller: Caller, command: Command[ChangeJob, Job], job_id: str, author: Author) -> Job:
        """Pause, resume or kill."""
        await self.stored(caller, job_id, Right.KILL if command is asking.KILL else Right.ACT)
        ask = ChangeJob(id=job_id, actor=author.actor, correlation_id=author.request_id)
        return await self.shown(caller, await self._bus.ask(command, ask, self._timeout_s))

    async def set_priority(self, caller: Caller, job_id: str, priority: int, author: Author) -> Job:
        """Change its place in the queue, as far as its VC allows."""
        job = await self.stored(caller, job_id, Right.ACT)
        check_priority(caller, job.vc, await self._policy_of(job.vc), priority)
        ask = SetPriority(id=job_id, actor=author.actor, priority=priority, correlation_id=author.request_id)
        return await self.shown(caller, await self._bus.ask(asking.SET_PRIORITY, ask, self._timeout_s))

    async def events(self, caller: Caller, job_id: str) -> list[AnyCloudEvent]:
        """Everything that happened to a job, in order, from the store."""
        await self.stored(caller, job_id, Right.SEE)
        events = await self.history(job_id)
        return [event.model_copy(update={"data": shown(caller, event.data)}) for event in events]

    async def history(self, job_id: str) -> list[AnyCloudEvent]:
        """The same, whole and unasked: only for decisions of the platform itself."""
        events: list[AnyCloudEvent] = []
        while True:
            after = events[-1].jobversion or 0 if events else 0
            ask = GetJobEvents(id=job_id, after_version=after)
            page = await self._bus.ask(EVENTS, ask, self._timeout_s)
            events += page.items
            if not page.more or not page.items:
                return events

    async def _shown(self, caller: Caller, jobs: list[Job], blockers_of: str | None = None) -> list[Job]:
        waiting = tuple(job.id for job in jobs if job.status is JobStatus.QUEUED)
        ran = [job.id for job in jobs if job.attempt and may(caller, job, Right.READ_METRICS)]
        explained, used = await asyncio.gather(
            self._explained(ExplainJobs(ids=waiting, blockers_of=blockers_of)), self._summaries.of(ran)
        )
        return [_resource(caller, job, explained.get(job.id), used.get(job.id)) for job in jobs]

    async def _explained(self, ask: ExplainJobs) -> dict[str, Explanation]:
        """Why these wait, as far as the scheduler says so in time: an answer without it is better than none."""
        if not ask.ids:
            return {}
        try:
            answer = await self._bus.ask(EXPLAIN, ask, timeout=self._explain_timeout_s)
        except Refusal as refusal:
            log.debug("explanations_missing", count=len(ask.ids), problem=refusal.code)
            return {}
        return {item.id: item for item in answer.items}


def _onwards(page: StoredPage) -> str | None:
    """Where the list goes on in the direction that the page was read in."""
    return page.prev_cursor if page.back else page.next_cursor


def _resource(caller: Caller, job: Job, explained: Explanation | None = None, used: JobUsage | None = None) -> Job:
    if job.secrets:
        job = job.model_copy(update={"env": as_written(job), "secrets": {}})
    seen = visible(caller, job)
    said: dict[str, Any] = {"reason": told(caller, job, job.status, seen.reason)}
    if seen.status is JobStatus.QUEUED and explained is not None:
        said["reason"] = told(caller, job, job.status, explained.reason)
        said["blockers"] = None if explained.blockers is None else named(caller, explained.blockers)
    elif seen.status is JobStatus.QUEUED:
        said["reason"] = said["reason"] or WAITS
    return seen.model_copy(update={**said, "actions": actions(caller, job), "usage": used})
