"""The scheduler's side: who leads, and what a leader's cycle decided, fenced by the lease's epoch."""

from services.jobs.apply import TRIES, Applier, TooContended
from services.jobs.domain import lease as leases
from services.jobs.domain.document import JobDocument, current_view, traced
from services.jobs.domain.lease import SCHEDULER, Renew
from services.jobs.domain.machine import InvalidTransition, decide
from services.jobs.domain.signals import Place as PlaceSignal
from services.jobs.domain.signals import Preempt, Signal
from shared import tracing
from shared.contracts.commands.scheduling import Lead, Lease, Place, Placed, PlaceOutcomes
from shared.contracts.errors import Conflict
from shared.contracts.job import Actor
from shared.store.port import DuplicateKey, Guard, Swap

SCHEDULER_ACTOR = Actor(kind="service", name="scheduler")


async def lead(applier: Applier, ask: Lead) -> Lease:
    """Take or renew the lease; the answer is the lease as it is now, whoever holds it."""
    for _ in range(TRIES):
        found = await applier.store.lease()
        lease = leases.lease_of(*found) if found else None
        change = leases.lead(lease, ask)
        if change is None and lease is not None:
            return lease
        if isinstance(change, Renew):
            await applier.store.leases.raise_marks({SCHEDULER: change.beat})
            return Lease(holder=ask.contender, epoch=lease.epoch if lease else 1, beat=change.beat)
        if isinstance(change, leases.Take) and await _take(applier, change):
            beat = lease.beat if lease else 0
            return leases.lease_of(change.document, beat)
    raise TooContended("The lease is changing too often.")


async def _take(applier: Applier, change: leases.Take) -> bool:
    if change.expected:
        return await applier.store.leases.swap(change.document, change.expected)
    try:
        await applier.store.leases.insert(change.document)
    except DuplicateKey:
        return False
    return True


async def place(applier: Applier, ask: Place) -> PlaceOutcomes:
    """All of the changes that still make sense, in one transaction. Raises Conflict for an older epoch."""
    signals: dict[str, tuple[int, Signal]] = {
        placement.id: (placement.version, PlaceSignal(placement.allocation)) for placement in ask.placements
    }
    signals |= await _preempts(applier, ask)
    steps = {
        one.id: tracing.begin("jobs", "job scheduled", one.traceparent, job_id=one.id)
        for one in ask.placements
        if one.traceparent is not None
    }
    for _ in range(TRIES):
        before = await applier.store.jobs.get_many(list(signals))
        after = {id: _decided(applier, before.get(id), *signal) for id, signal in signals.items()}
        changed = {id: job for id, job in after.items() if job is not None}
        for id in steps.keys() & changed.keys():
            changed[id] = traced(changed[id], before[id].version, steps[id].traceparent)
        swaps = [Swap(job, before[id].version) for id, job in changed.items()]
        if await applier.store.jobs.transaction(swaps, (Guard("leases", SCHEDULER, ask.epoch),)):
            applier.outbox.committed(changed.values())
            for id in steps.keys() & changed.keys():
                steps[id].end()
            return PlaceOutcomes.of(outcomes=tuple(_outcome(id, changed.get(id), before.get(id)) for id in signals))
        found = await applier.store.lease()
        if found is None or found[0].version != ask.epoch:
            raise Conflict(f"Epoch {ask.epoch} is over: another scheduler leads.")
    raise TooContended("Jobs of this plan are changing too often.")


async def _preempts(applier: Applier, ask: Place) -> dict[str, tuple[int, Signal]]:
    """The plan's preemptions, each with what is known of the victim's last checkpoint."""
    if not ask.preemptions:
        return {}
    victims = await applier.store.heads.get_many([preemption.id for preemption in ask.preemptions])
    known = await applier.checkpoints.of(victims.values())
    return {one.id: (one.version, Preempt(one.reason, known.get(one.id))) for one in ask.preemptions}


def _decided(applier: Applier, job: JobDocument | None, version: int, signal: Signal) -> JobDocument | None:
    """The job after the plan's decision; None: it has moved on since the plan was made."""
    if job is None or job.version != version:
        return None
    try:
        after = decide(job, signal, SCHEDULER_ACTOR, None, applier.clock.now())
    except InvalidTransition:
        return None
    return after if after is not job else None


def _outcome(id: str, changed: JobDocument | None, before: JobDocument | None) -> Placed:
    job = changed or before
    view = current_view(job) if job else None
    return Placed.of(id=id, done=changed is not None, view=view)
