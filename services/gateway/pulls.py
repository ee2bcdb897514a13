"""How far the image of a starting job has come, so that its reason says what it waits for.

It is asked of the job's executor when somebody looks at the job, at most once a second however many look. An executor
that does not say so in time costs that sentence alone.
"""

from functools import partial

import structlog

from services.gateway.fresh import Fresh
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.checkpoints import RunOf
from shared.contracts.commands.pulls import PULLS, GetPulls
from shared.contracts.errors import Refusal
from shared.contracts.job import Job, JobStatus, Reason

log = structlog.get_logger()


class PullsOfJobs:
    """Asks executors. Nothing here raises."""

    def __init__(self, bus: Bus, clock: Clock, timeout_s: float) -> None:
        self._bus = bus
        self._timeout_s = timeout_s
        self._known: Fresh[Reason | None] = Fresh(clock)

    async def of(self, job: Job) -> Reason | None:
        """What a job waits for whose image is being pulled. Only of one with its placement: asked for by its id."""
        if job.status is not JobStatus.SCHEDULING or not job.placement:
            return None
        run = RunOf(job_id=job.id, attempt=job.attempt)
        executor = job.placement[0].answerer
        return await self._known.get(f"{job.id}.{job.attempt}", partial(self._asked, run, executor))

    async def _asked(self, run: RunOf, executor: str) -> Reason | None:
        try:
            answer = await self._bus.ask(PULLS.at(executor), GetPulls(runs=(run,)), self._timeout_s)
        except Refusal as refusal:
            log.debug("pull_unknown", job_id=run.job_id, executor=executor, problem=refusal.code)
            return None
        return answer.items[0].reason if answer.items else None
