"""New jobs: a list in one commit, each with its own outcome; a repeated submission finds its job again."""

import asyncio
from collections.abc import Sequence
from datetime import datetime

from services.jobs.apply import Applier
from services.jobs.domain.document import JobDocument, job_of, traced
from services.jobs.domain.size import REPLY_BYTES, job_size
from services.jobs.domain.submission import submit
from shared import tracing
from shared.contracts.commands.submission import NewJob, SubmitJobs, SubmitOutcomes, Submitted
from shared.contracts.errors import Conflict, Refusal
from shared.idempotency import is_key, used_for_another


async def submit_all(applier: Applier, ask: SubmitJobs) -> SubmitOutcomes:
    """Store every job that can be stored; the outcomes are in order."""
    now = applier.clock.now()
    replayed = await _replays(applier, ask.jobs, now)
    known = [replayed.get((new.owner, new.idempotency_key)) for new in ask.jobs]
    full = await _beyond_the_most(applier, [new for new, found in zip(ask.jobs, known, strict=True) if found is None])
    news = [new for new, found in zip(ask.jobs, known, strict=True) if found is None and new.id not in full]
    steps = [tracing.begin("jobs", "job submitted", new.traceparent, job_id=new.id) for new in news]
    fresh = [traced(submit(new, now), 0, step.traceparent) for new, step in zip(news, steps, strict=True)]
    refused = iter(await applier.store.jobs.insert_many(fresh) if fresh else ())
    for step in steps:
        step.end()
    documents = iter(fresh)
    answer = _Answer(ask.with_jobs)
    stored: list[JobDocument] = []
    for new, found in zip(ask.jobs, known, strict=True):
        if new.id in full:
            answer.refuse(full[new.id])
        elif found is None:
            document, duplicate = next(documents), next(refused)
            if duplicate is None:
                stored.append(document)
                answer.show(document, replayed=False)
            else:
                answer.again(new, await _existing(applier, new, duplicate.index, now))
        else:
            answer.again(new, found)
    applier.outbox.committed(stored)
    return SubmitOutcomes.of(outcomes=tuple(answer.outcomes))


class _Answer:
    """The outcomes, with whole jobs as far as a message has room for them; the others are asked for by their ids."""

    def __init__(self, with_jobs: bool) -> None:
        self.outcomes: list[Submitted] = []
        self._room = REPLY_BYTES if with_jobs else 0

    def show(self, document: JobDocument, *, replayed: bool) -> None:
        """It is stored."""
        size = job_size(document)
        job = job_of(document) if size <= self._room else None
        if job is not None:
            self._room -= size
        self.outcomes.append(Submitted.of(id=document.id, replayed=replayed, job=job, refusal=None))

    def again(self, new: NewJob, found: JobDocument | None) -> None:
        """There was one before with its id or its key."""
        if found is None:
            self.refuse(Conflict("The Idempotency-Key was used at the same moment. Send the request again."))
        elif refusal := _clash(new, found):
            self.refuse(refusal)
        else:
            self.show(found, replayed=True)

    def refuse(self, refusal: Refusal) -> None:
        """It is not stored."""
        self.outcomes.append(Submitted(refusal=refusal.body()))


async def validate(applier: Applier, new: NewJob) -> Submitted:
    """What `submit_all` would make of a new submission, with the whole job; nothing is stored."""
    full = await _beyond_the_most(applier, [new])
    answer = _Answer(with_jobs=True)
    if new.id in full:
        answer.refuse(full[new.id])
    else:
        answer.show(submit(new, applier.clock.now()), replayed=False)
    return answer.outcomes[0]


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
            jobs, are = ("1 job", "is") if new.most_open == 1 else (f"{new.most_open} jobs", "are")
            refused[new.id] = Conflict(
                f"You have {jobs} in the virtual cluster '{new.request.vc}' that {are} not over, the most that it "
                "allows. Wait for one to end, or kill one."
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


def _clash(new: NewJob, found: JobDocument) -> Conflict | None:
    """Why the job that was there before is not the one that is submitted."""
    known = found.idempotency
    if known is not None and known.key == new.idempotency_key and not known.is_of(new.fingerprint):
        return used_for_another(found.id)
    if found.owner != new.owner:
        return Conflict("The job id is taken. Send the request again.")
    return None
