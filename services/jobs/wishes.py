"""What people want of jobs, one or many: pause, resume, kill, another priority. Each job is decided for itself."""

from collections.abc import Callable, Sequence

from services.jobs.apply import Applier
from services.jobs.domain.document import JobDocument
from services.jobs.domain.signals import Kill, Pause, Resume, SetPriority, Signal
from shared.contracts.commands.changes import Changed, ChangeJob, ChangeJobs, ChangeOutcomes, JobAction
from shared.contracts.errors import Refusal


async def pause(applier: Applier, ask: ChangeJob) -> JobDocument:
    """One job. Raises NotFound, Conflict."""
    signals = await _pauses(applier, (ask.id,))
    return await applier.change(ask.id, signals[ask.id], ask.actor, ask.correlation_id)


async def change_all(applier: Applier, ask: ChangeJobs) -> ChangeOutcomes:
    """Many jobs in one commit; the outcomes are in the order of the ids."""
    if ask.action is JobAction.PAUSE:
        signals = await _pauses(applier, ask.ids)
    else:
        signal = _SIGNALS[ask.action](ask)
        signals = dict.fromkeys(ask.ids, signal)
    outcomes = await applier.change_many(signals, ask.actor, ask.correlation_id)
    return ChangeOutcomes.of(outcomes=tuple(_outcome(id, outcomes[id]) for id in ask.ids))


async def _pauses(applier: Applier, ids: Sequence[str]) -> dict[str, Signal]:
    """A pause for each, with what its node says of its last checkpoint."""
    heads = await applier.store.heads.get_many(list(ids))
    known = await applier.checkpoints.of(heads.values())
    return {id: Pause(known.get(id)) for id in ids}


def _outcome(id: str, outcome: JobDocument | Refusal) -> Changed:
    return Changed.of(id=id, refusal=outcome.body() if isinstance(outcome, Refusal) else None)


_SIGNALS: dict[JobAction, Callable[[ChangeJobs], Signal]] = {
    JobAction.RESUME: lambda ask: Resume(),
    JobAction.KILL: lambda ask: Kill(),
    JobAction.PRIORITY: lambda ask: SetPriority(ask.priority or 1),
}
