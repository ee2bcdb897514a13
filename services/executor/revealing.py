"""Runs whose secrets are being asked for, each in a task of its own, so that nobody else waits for that."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from services.executor.placed import Assignment
from services.executor.prepare import Unfit
from services.executor.secrets import Secrets
from services.executor.tasks import TaskPerRun
from shared.contracts.errors import TemporaryError
from shared.contracts.job import Reason

log = structlog.get_logger()

Launch = Callable[[Assignment], Awaitable[None]]
Refuse = Callable[[Assignment, Reason], Awaitable[None]]


class Revealing:
    """Those of one executor."""

    def __init__(self, secrets: Secrets, launch: Launch, refuse: Refuse) -> None:
        self._secrets = secrets
        self._launch = launch
        self._refuse = refuse
        self._tasks = TaskPerRun()

    def begin(self, assignment: Assignment) -> None:
        """Launch the run once its values have come, or refuse it for one that is gone; ask once at a time."""
        self._tasks.begin(assignment.run_id, lambda: self._reveal(assignment))

    def cancel(self) -> list["asyncio.Task[None]"]:
        """Wait for no secrets any more; the tasks that are ended with that."""
        return self._tasks.cancel()

    async def _reveal(self, assignment: Assignment) -> None:
        try:
            await self._launch(await self._secrets.revealed(assignment))
        except Unfit as unfit:
            await self._refuse(assignment, unfit.reason)
        except TemporaryError as error:  # the reconcile loop asks for it again
            log.warning("launch_delayed", run_id=assignment.run_id, reason=str(error))
