"""Ends the ranks of a run together: when the platform asks for it, or when one of them has failed.

Who began the end is decided once, after a look at all ranks, and stored before the first of them is stopped. So it is
the same for every executor process, whenever the one before was killed; whoever finds a verdict and ranks that live
stops these (again). A full disk, which takes no verdict, keeps no rank from being told: then the decision is this
process's alone. A run of one rank needs none of that: its backend decides.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog

from services.executor.backends.protocol import Backend
from services.executor.domain.gang import Verdict
from services.executor.run import Run
from services.executor.store import RunStore
from services.executor.tasks import TaskPerRun
from shared.store.port import StoreUnavailable

log = structlog.get_logger()

Look = Callable[[Sequence[Run]], Awaitable[None]]
"""Looks at all ranks of these runs anew."""


class Gangs:
    """Those of one executor."""

    def __init__(self, store: RunStore, backend: Backend, look: Look) -> None:
        self._store = store
        self._backend = backend
        self._look = look
        self._settling = TaskPerRun()

    async def stop(self, run: Run) -> None:
        """The platform wants its end. Raises OSError, once every rank was told that can be."""
        if len(run.ranks) > 1:
            await self._decide(run, asked=True)
        await self._stop_living(run)

    def settle(self, run: Run) -> None:
        """See to it, beside all else, that what is to end does. It may be asked for again and again."""
        self._settling.begin(run.record.id, lambda: self._settle(run))

    def cancel(self) -> list["asyncio.Task[None]"]:
        """Settle nothing any more; the tasks that are ended with that."""
        return self._settling.cancel()

    async def _settle(self, run: Run) -> None:
        await self._decide(run, asked=False)
        if run.verdict is not None:
            await self._stop_living(run)

    async def _decide(self, run: Run, *, asked: bool) -> None:
        async with run.ending:
            if run.verdict is not None or not run.lives:
                return
            await self._look([run])
            if not run.lives or (run.failed is None and not asked):
                return
            verdict = Verdict(id=run.record.id, rank=run.failed)
            try:
                verdict = await self._store.rule(verdict)
            except StoreUnavailable as error:
                log.warning("verdict_not_stored", run_id=run.record.id, error=str(error))
            log.info("run_ends", run_id=run.record.id, rank=verdict.rank)
            run.rule(verdict)

    async def _stop_living(self, run: Run) -> None:
        outcomes = await asyncio.gather(*map(self._backend.stop, run.living), return_exceptions=True)
        for failure in filter(None, outcomes):
            raise failure
