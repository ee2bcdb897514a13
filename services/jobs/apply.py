"""How a job changes: load, decide, save by compare-and-set with the event in the same document; then relay."""

from collections.abc import Sequence

from services.jobs.domain.document import JobDocument, events_after
from services.jobs.domain.machine import InvalidTransition, decide
from services.jobs.domain.signals import Kill, Signal
from services.jobs.store import JobStore
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.errors import Conflict, NotFound, PermanentError, TemporaryError
from shared.contracts.events import CloudEvent, RunEvent
from shared.contracts.job import Actor
from shared.outbox import Outbox
from shared.store.port import Swap

TRIES = 20
HISTORY_LIMIT = 2_000
"""More changes than any honest job sees; a document has to stay small enough to be written whole."""


class TooContended(TemporaryError):
    """Others changed the job each time between load and save."""


class Applier:
    """The one writer of jobs."""

    def __init__(self, store: JobStore, bus: Bus, clock: Clock) -> None:
        self.store = store
        self.clock = clock
        self.outbox: Outbox[JobDocument] = Outbox(bus, store.jobs, events_after)

    async def load(self, id: str) -> JobDocument:
        """Raises NotFound."""
        document = await self.store.jobs.get(id)
        if document is None:
            raise NotFound(f"There is no job {id}.")
        return document

    async def change(self, id: str, signal: Signal, actor: Actor, cause: str | None) -> JobDocument:
        """Apply a person's command. Raises NotFound, or Conflict when it makes no sense now."""
        for _ in range(TRIES):
            before = await self.load(id)
            full = before.version >= HISTORY_LIMIT and not before.over and not isinstance(signal, Kill)
            if full and actor.kind == "user":
                raise Conflict(f"The job has changed {HISTORY_LIMIT} times; kill it and submit it again.")
            try:
                after = decide(before, signal, actor, cause, self.clock.now())
            except InvalidTransition as error:
                raise Conflict(_no_sense(before, signal), details={"status": before.status.value}) from error
            if after is before or await self.store.jobs.swap(after, before.version):
                self.outbox.committed([after])
                return after
        raise TooContended(f"The job {id} is changing too often.")

    async def observe(self, observed: Sequence[CloudEvent[RunEvent]]) -> None:
        """Apply what executors saw, all in one commit. Raises PermanentError for what can never be applied."""
        left = list(observed)
        for _ in range(TRIES):
            left = await self._observe_once(left)
            if not left:
                return
        raise TooContended("Jobs of this list are changing too often.")

    async def _observe_once(self, observed: list[CloudEvent[RunEvent]]) -> list[CloudEvent[RunEvent]]:
        before = await self.store.jobs.get_many(list({event.data.job_id for event in observed}))
        after = dict(before)
        for event in observed:
            run = event.data
            if run.job_id not in after:
                raise PermanentError(f"There is no job {run.job_id}.")
            actor = Actor(kind="service", name=f"executor@{run.node}")
            try:
                after[run.job_id] = decide(after[run.job_id], run, actor, event.id, self.clock.now())
            except InvalidTransition as error:
                raise PermanentError(str(error)) from error
        swaps = [Swap(job, before[id].version) for id, job in after.items() if job is not before[id]]
        outcomes = await self.store.jobs.swap_many(swaps)
        self.outbox.committed(swap.document for swap, done in zip(swaps, outcomes, strict=True) if done)
        lost = {swap.document.id for swap, done in zip(swaps, outcomes, strict=True) if not done}
        return [event for event in observed if event.data.job_id in lost]


_WISHES: dict[str, str] = {
    "Pause": "paused",
    "Resume": "resumed",
    "Kill": "killed",
    "SetPriority": "given another priority",
}
_HINTS: dict[tuple[str, str], str] = {
    ("Resume", "pausing"): " Wait until it is paused.",
    ("SetPriority", "running"): " The priority counts only while it waits.",
}


def _no_sense(job: JobDocument, signal: Signal) -> str:
    name = type(signal).__name__
    wish = _WISHES.get(name, name)
    return f"A job that is {job.status} cannot be {wish}.{_HINTS.get((name, job.status.value), '')}"
