"""When a running job wrote its last checkpoint, so that whoever means to stop it knows before what is lost with it.

It is looked up when somebody asks, at its node at most once a second however many ask. That it is not known is an
answer: nobody waits long for it, and it is never taken for "none".
"""

from functools import partial

import structlog

from services.gateway.fresh import Fresh
from services.gateway.resources.jobs import Checkpoint
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.checkpoints import CHECKPOINTS, GetCheckpoints, RunOf
from shared.contracts.commands.jobs import VIEWS, GetJobViews
from shared.contracts.errors import Refusal
from shared.contracts.job import HOLDING

log = structlog.get_logger()

PATIENCE_S = 1.0
UNKNOWN = Checkpoint(known=False)


class Checkpoints:
    """Asks the executor of a job's run. Raises Refusals of the jobs service."""

    def __init__(self, bus: Bus, clock: Clock, timeout_s: float) -> None:
        self._bus = bus
        self._timeout_s = timeout_s
        self._known: Fresh[Checkpoint] = Fresh(clock)

    async def of(self, job_id: str) -> Checkpoint:
        """The last one of the job's present run; unknown where none is under way or its executor does not say."""
        views = (await self._bus.ask(VIEWS, GetJobViews(ids=(job_id,)), self._timeout_s)).items
        state = views[0].state if views else None
        if state is None or state.status not in HOLDING or state.allocation is None:
            return UNKNOWN
        run = RunOf(job_id=job_id, attempt=state.attempt)
        executor = state.allocation.answerer
        return await self._known.get(f"{job_id}.{state.attempt}", partial(self._asked, run, executor))

    async def _asked(self, run: RunOf, executor: str) -> Checkpoint:
        try:
            answer = await self._bus.ask(CHECKPOINTS.at(executor), GetCheckpoints(runs=(run,)), PATIENCE_S)
        except Refusal as refusal:
            log.info("checkpoint_unknown", job_id=run.job_id, executor=executor, problem=refusal.code)
            return UNKNOWN
        return Checkpoint(known=True, written_at=answer.items[0].written_at) if answer.items else UNKNOWN
