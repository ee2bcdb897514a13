"""Runs that are to be launched: their secrets are asked for and their folders made, each in a task of its own.

So nobody else waits where the gateway, or the storage of a run's folders, does not answer. Nothing is decided here, nor
written down: whatever becomes of the run meanwhile stands in its record, which whoever launches it then looks for.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import structlog

from services.executor.backends.protocol import Folders
from services.executor.placed import Assignment
from services.executor.prepare import Preparation, Unfit
from services.executor.secrets import Secrets, needs_secrets
from services.executor.tasks import TaskPerRun
from shared.contracts.errors import TemporaryError

log = structlog.get_logger()

PROMPT_S = 0.5
"""So long those that are asked for together wait for one another."""


@dataclass(frozen=True)
class Prepared:
    """A run with its secrets, and where its files are, or why it cannot start."""

    assignment: Assignment
    outcome: Folders | Unfit


Launch = Callable[[Sequence[Prepared]], Awaitable[None]]


class Preparing:
    """Of one executor's runs. `launch`: what is done with those that nobody waits for any more."""

    def __init__(self, secrets: Secrets, preparation: Preparation, launch: Launch) -> None:
        self._secrets = secrets
        self._preparation = preparation
        self._launch = launch
        self._tasks = TaskPerRun()
        self.under_way: dict[str, Assignment] = {}
        """By their runs' ids, those that are not launched yet."""
        self._late: list[Prepared] = []
        self._handing_over = asyncio.Lock()

    async def prompt(self, assignments: Iterable[Assignment]) -> list[Prepared]:
        """Begin with those that are not being prepared; these that are ready soon, in their order.

        The others are launched as soon as they are ready. Nobody waits for secrets.
        """
        batch = _Batch()
        tasks = []
        for number, item in enumerate(assignments):
            task = self._tasks.begin(item.run_id, partial(self._prepare, item, number, batch))
            if task is not None and not needs_secrets(item):
                tasks.append(task)
        if tasks:
            await asyncio.wait(tasks, timeout=PROMPT_S)
        return batch.close()

    async def now(self, assignment: Assignment) -> Prepared:
        """One of them, once more. Raises TemporaryError."""
        try:
            assignment = await self._secrets.revealed(assignment)
            return Prepared(assignment, await self._preparation.folders(assignment))
        except Unfit as unfit:
            return Prepared(assignment, unfit)

    def cancel(self) -> list["asyncio.Task[None]"]:
        """Prepare nothing any more; the tasks that are ended with that."""
        return self._tasks.cancel()

    async def _prepare(self, assignment: Assignment, number: int, batch: "_Batch") -> None:
        self.under_way[assignment.run_id] = assignment
        try:
            prepared = await self.now(assignment)
            if not batch.took(number, prepared):
                await self._hand_over(prepared)
        except TemporaryError as error:  # the reconcile loop asks for it again
            log.warning("launch_delayed", run_id=assignment.run_id, reason=str(error))
        finally:
            del self.under_way[assignment.run_id]

    async def _hand_over(self, prepared: Prepared) -> None:
        """Whoever comes first takes those along that have become ready meanwhile."""
        self._late.append(prepared)
        async with self._handing_over:
            late, self._late = self._late, []
            if late:
                await self._launch(late)


class _Batch:
    """Those that were asked for together, until it is closed."""

    def __init__(self) -> None:
        self._ready: dict[int, Prepared] = {}
        self._closed = False

    def took(self, number: int, prepared: Prepared) -> bool:
        if not self._closed:
            self._ready[number] = prepared
        return not self._closed

    def close(self) -> list[Prepared]:
        self._closed = True
        return [self._ready[number] for number in sorted(self._ready)]
