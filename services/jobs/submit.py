"""New jobs: a list in one commit, each with its own outcome; a repeated submission finds its job again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from services.jobs.apply import Applier
from services.jobs.domain.document import JobDocument, job_of
from services.jobs.domain.submission import submit
from shared.contracts.commands import NewJob, SubmitJobs, SubmitOutcomes, Submitted
from shared.contracts.errors import Conflict, Refusal
from shared.idempotency import is_key, used_for_another


async def submit_all(applier: Applier, ask: SubmitJobs) -> SubmitOutcomes:
    """Store every job that can be stored; the outcomes are in order."""
    now = applier.clock.now()
    replayed = await _replays(applier, ask.jobs, now)
    known = [replayed.get((new.owner, new.idempotency_key)) for new in ask.jobs]
    full = await _beyond_the_most(applier, [new for new, found in zip(ask.jobs, known, strict=True) if found is None])
    fresh = [
        submit(new, now) for new, found in zip(ask.jobs, known, strict=True) if found is None and new.id not in full
    ]
    refused = iter(await applier.store.jobs.insert_many(fresh) if fresh else ())
    documents = iter(fresh)
    outcomes: list[Submitted] = []
    stored: list[JobDocument] = []
    for new, found in zip(ask.jobs, known, strict=True):
        if new.id in full:
            outcomes.append(_refused(full[new.id]))
        elif found is None:
            document, duplicate = next(documents), next(refused)
            if duplicate is None:
                stored.append(document)
                outcomes.append(_submitted(document, ask.with_jobs, replayed=False))
            else:
                existing = await _existing(applier, new, duplicate.index, now)
                outcomes.append(_outcome(new, existing, ask.with_jobs))
        else:
            outcomes.append(_outcome(new, found, ask.with_jobs))
    applier.outbox.committed(stored)
    return SubmitOutcomes.of(outcomes=tuple(outcomes))


async def _beyond_the_most(applier: Applier, fresh: Sequence[NewJob]) -> dict[str, Conflict]:
    """Those that their owner may not have open beside the others, in order. Asks nothing where there is no bound.

    Commands of one replica come in turn, so it counts exactly; two replicas at one moment may each let one in.
    """
    taken: dict[tuple[str, str], int] = {}
    refused: dict[str, Conflict] = {}
    for new in fresh:
        if new.most_open is None:
            continue
        place = (new.owner, new.request.vc)
        if place not in taken:
            taken[place] = await applier.store.open_of(*place, at_most=new.most_open)
        if taken[place] < new.most_open:
            taken[place] += 1
        elif await applier.store.jobs.get(new.id) is None:  # a repeated command finds its job again
            refused[new.id] = Conflict(
                f"You have {new.most_open} jobs in the virtual cluster '{new.request.vc}' that are not over, the most "
                "that it allows. Wait for one to end, or kill one."
            )
    return refused


async def _replays(
    applier: Applier, jobs: Sequence[NewJob], now: datetime
) -> dict[tuple[str, str | None], JobDocument]:
    """The jobs that were submitted before with the same keys, by (owner, key); one question for each owner."""
    keys: dict[str, set[str]] = {}
    for new in jobs:
        if new.idempotency_key is not None:
            keys.setdefault(new.owner, set()).add(new.idempotency_key)
    found = await asyncio.gather(*(applier.store.keys.find(owner, of_one, now) for owner, of_one in keys.items()))
    return {(owner, key): job for owner, known in zip(keys, found, strict=True) for key, job in known.items()}


async def _existing(applier: Applier, new: NewJob, index: str | None, now: datetime) -> JobDocument | None:
    """The job that stood in the way: the same command before, or the same key at the same moment."""
    if is_key(index) and new.idempotency_key is not None:
        return (await applier.store.keys.find(new.owner, (new.idempotency_key,), now)).get(new.idempotency_key)
    return await applier.store.jobs.get(new.id)


def _outcome(new: NewJob, found: JobDocument | None, with_jobs: bool) -> Submitted:
    if found is None:
        return _refused(Conflict("The Idempotency-Key was used at the same moment. Send the request again."))
    known = found.idempotency
    if known is not None and known.key == new.idempotency_key and not known.is_of(new.fingerprint):
        return _refused(used_for_another(found.id))
    if found.owner != new.owner:
        return _refused(Conflict("The job id is taken. Send the request again."))
    return _submitted(found, with_jobs, replayed=True)


def _submitted(document: JobDocument, with_job: bool, replayed: bool) -> Submitted:
    job = job_of(document) if with_job else None
    return Submitted.of(id=document.id, replayed=replayed, job=job, refusal=None)


def _refused(refusal: Refusal) -> Submitted:
    return Submitted(refusal=refusal.body())
