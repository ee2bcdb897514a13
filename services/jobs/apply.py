"""How a job changes: load, decide, save by compare-and-set with the event in the same document; then relay."""

from collections.abc import Mapping, Sequence

from services.jobs.checkpoints import LastCheckpoints
from services.jobs.domain.document import JobDocument, JobHead, events_after, traced
from services.jobs.domain.machine import InvalidTransition, decide
from services.jobs.domain.signals import Kill, Signal
from services.jobs.starts import Starts
from services.jobs.store import JobStore
from shared import tracing
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.errors import Conflict, NotFound, PermanentError, Refusal, TemporaryError
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

    def __init__(self, store: JobStore, bus: Bus, clock: Clock, starts: Starts) -> None:
        self.store = store
        self.bus = bus
        self.clock = clock
        self.starts = starts
        self.checkpoints = LastCheckpoints(bus, clock)
        self.outbox: Outbox[JobDocument] = Outbox(bus, store.jobs, events_after)

    async def head(self, id: str) -> JobHead:
        """The job without its history. Raises NotFound."""
        head = await self.store.heads.get(id)
        if head is None:
            raise _unknown(id)
        return head

    async def load(self, id: str) -> JobDocument:
        """Raises NotFound."""
        document = await self.store.jobs.get(id)
        if document is None:
            raise _unknown(id)
        return document

    async def change(self, id: str, signal: Signal, actor: Actor, cause: str | None) -> JobDocument:
        """Apply a command to one job. Raises NotFound, or Conflict when it makes no sense now."""
        outcome = (await self.change_many({id: signal}, actor, cause))[id]
        if isinstance(outcome, Refusal):
            raise outcome
        return outcome

    async def change_many(
        self, signals: Mapping[str, Signal], actor: Actor, cause: str | None
    ) -> dict[str, JobDocument | Refusal]:
        """Apply a command to each of these jobs, all in one commit: the job as it is then, or why it was refused."""
        outcomes: dict[str, JobDocument | Refusal] = {}
        for _ in range(TRIES):
            left = [id for id in signals if id not in outcomes]
            if not left:
                return outcomes
            before = await self.store.jobs.get_many(left)
            swaps: list[Swap[JobDocument]] = []
            for id in left:
                outcome = self._decided(id, before.get(id), signals[id], actor, cause)
                if isinstance(outcome, Refusal) or outcome is before[id]:
                    outcomes[id] = outcome
                else:
                    outcome = traced(outcome, before[id].version, tracing.current())
                    swaps.append(Swap(outcome, before[id].version))
            outcomes |= {document.id: document for document in await self._swapped(swaps)}
        raise TooContended("Jobs of this command are changing too often.")

    def _decided(
        self, id: str, before: JobDocument | None, signal: Signal, actor: Actor, cause: str | None
    ) -> JobDocument | Refusal:
        if before is None:
            return _unknown(id)
        full = before.version >= HISTORY_LIMIT and not before.over and not isinstance(signal, Kill)
        if full and actor.kind == "user":
            return Conflict(f"The job has changed {HISTORY_LIMIT} times; kill it and submit it again.")
        try:
            return decide(before, signal, actor, cause, self.clock.now())
        except InvalidTransition:
            return Conflict(_no_sense(before, signal), details={"status": before.status.value})

    async def _swapped(self, swaps: list[Swap[JobDocument]]) -> list[JobDocument]:
        """Commit these together and relay their events; those that others had changed meanwhile are left out."""
        done = await self.store.jobs.swap_many(swaps) if swaps else []
        stored = [swap for swap, stored in zip(swaps, done, strict=True) if stored]
        documents = [swap.document for swap in stored]
        self.outbox.committed(documents)
        for swap in stored:
            self.starts.note(swap.document, swap.expected)
        return documents

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
        steps: list[tracing.Span] = []
        for event in observed:
            run = event.data
            if run.job_id not in after:
                raise PermanentError(f"There is no job {run.job_id}.")
            actor = Actor(kind="service", name=_observer(event))
            job = after[run.job_id]
            try:
                changed = decide(job, run, actor, event.id, self.clock.now())
            except InvalidTransition as error:
                raise PermanentError(str(error)) from error
            if event.traceparent is not None and changed is not job:
                name = f"job {changed.history[-1].fact}"
                steps.append(tracing.begin("jobs", name, event.traceparent, "consumer", job_id=run.job_id))
                changed = traced(changed, job.version, steps[-1].traceparent)
            after[run.job_id] = changed
        swaps = [Swap(job, before[id].version) for id, job in after.items() if job is not before[id]]
        stored = {document.id for document in await self._swapped(swaps)}
        for step in steps:
            step.end()
        lost = {swap.document.id for swap in swaps} - stored
        return [event for event in observed if event.data.job_id in lost]


_WISHES: dict[str, str] = {
    "Pause": "paused",
    "Resume": "resumed",
    "Kill": "killed",
    "SetPriority": "given another priority",
}
_HINTS: dict[tuple[str, str], str] = {
    ("Resume", "pausing"): " Wait until it is paused.",
    ("SetPriority", "running"): " A running job keeps its priority; pause it first.",
}


def _observer(event: CloudEvent[RunEvent]) -> str:
    """Whose word it is: an executor's for what it saw, or an operator's that a node is gone."""
    return "admin" if event.source == "/admin" else f"executor@{event.source.rpartition('/')[2]}"


def _unknown(id: str) -> NotFound:
    return NotFound(f"There is no job {id}.")


def _no_sense(job: JobDocument, signal: Signal) -> str:
    name = type(signal).__name__
    wish = _WISHES.get(name, name)
    return f"A job that is {job.status} cannot be {wish}.{_HINTS.get((name, job.status.value), '')}"
