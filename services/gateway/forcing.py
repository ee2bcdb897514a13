"""Runs that a platform administrator gives up, since their nodes will not come back: asked of their executor, which
refuses it while a node answers, and written into the audit.
"""

from services.gateway.audit import Audit, AuditEntry
from services.gateway.audited import Author
from services.gateway.domain.access import Caller, Right, require_admin
from services.gateway.resources.jobs import Job
from services.gateway.yard import Yard
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.forcing import FORCE, ForcedRun, ForceRun
from shared.contracts.commands.jobs import VIEWS, GetJobViews
from shared.contracts.errors import Conflict
from shared.contracts.job import HOLDING, JobState


class Forcing:
    """Of the jobs of this installation."""

    def __init__(self, bus: Bus, yard: Yard, audit: Audit, clock: Clock, timeout_s: float) -> None:
        self._bus = bus
        self._yard = yard
        self._audit = audit
        self._clock = clock
        self._timeout_s = timeout_s

    async def force(self, caller: Caller, job_id: str, author: Author) -> Job:
        """The job as it is then; that its run is lost reaches it moments later. Raises Refusals."""
        require_admin(caller)
        job = await self._yard.stored(caller, job_id, Right.KILL)
        state = await self._state(job_id)
        if state is None or state.status not in HOLDING or state.allocation is None:
            message = f"Job {job_id} has no run under way, so there is none to give up."
            raise Conflict(message, details={"code": "run_not_running"})
        ask = ForceRun(job_id=job_id, attempt=state.attempt, actor=author.actor)
        forced = await self._bus.ask(FORCE.at(state.allocation.answerer), ask, self._timeout_s)
        await self._audit.add([self._entry(job, state.attempt, forced, author)])
        return await self._yard.get(caller, job_id)

    async def _state(self, job_id: str) -> JobState | None:
        views = (await self._bus.ask(VIEWS, GetJobViews(ids=(job_id,)), self._timeout_s)).items
        return views[0].state if views else None

    def _entry(self, job: Job, attempt: int, forced: ForcedRun, author: Author) -> AuditEntry:
        return AuditEntry(
            id=f"run/{job.id}.{attempt}:forced",
            time=self._clock.now(),
            actor=author.name,
            action="job.forced",
            target=f"job/{job.id}",
            details={
                "name": job.name,
                "vc": job.vc,
                "owner": job.owner,
                "attempt": attempt,
                "nodes": list(forced.nodes),
            },
            request_id=author.request_id,
            address=author.address,
            token=author.token,
        )
