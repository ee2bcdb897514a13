"""One wish for many jobs: each is allowed or refused for itself, and those that are allowed travel in one command."""

from collections.abc import Mapping, Sequence

from services.gateway.audited import Author
from services.gateway.domain.access import Caller, Owned, no_such_job, require
from services.gateway.domain.bounds import PolicyOf, check_priority
from services.gateway.problems import problem_of
from services.gateway.resources.changes import JobsChange
from services.gateway.resources.outcomes import Changes, Outcome
from services.gateway.selection import NEEDED, select
from shared.bus.bus import Bus
from shared.contracts.commands.changes import CHANGE, OWNERS, ChangeJobs, GetOwners, JobAction
from shared.contracts.errors import Refusal, refusal_from

MEANT, CHANGED, ACCEPTED = 200, 200, 202


class Bulk:
    """Changes jobs in lists. Its methods raise Refusals."""

    def __init__(self, bus: Bus, policy_of: PolicyOf, timeout_s: float) -> None:
        self._bus = bus
        self._policy_of = policy_of
        self._timeout_s = timeout_s

    async def change(self, caller: Caller, wish: JobsChange, author: Author) -> Changes:
        """What became of each job."""
        if wish.filter is None:
            ids = wish.ids or ()
            owners = await self._bus.ask(OWNERS, GetOwners(ids=ids), self._timeout_s)
            outcomes = await self._change(caller, wish, ids, {job.id: job for job in owners.items}, author)
            return Changes(outcomes=tuple(outcomes), matched=len(outcomes))
        selected = await select(self._bus, self._timeout_s, caller, wish.action, wish.filter, wish.cursor)
        jobs = {job.id: job for job in selected.jobs}
        if wish.dry_run:
            outcomes = [Outcome(status=MEANT, id=id) for id in jobs]
        else:
            outcomes = await self._change(caller, wish, tuple(jobs), jobs, author)
        return Changes(outcomes=tuple(outcomes), matched=len(outcomes), next_cursor=selected.next_cursor)

    async def _change(
        self, caller: Caller, wish: JobsChange, ids: Sequence[str], known: Mapping[str, Owned], author: Author
    ) -> list[Outcome]:
        refused = {id: refusal for id in ids if (refusal := await self._refusal(caller, wish, id, known.get(id)))}
        allowed = tuple(id for id in ids if id not in refused)
        if allowed:
            ask = ChangeJobs(
                ids=allowed,
                action=wish.action,
                priority=wish.priority,
                actor=author.actor,
                correlation_id=author.request_id,
            )
            answer = await self._bus.ask(CHANGE, ask, self._timeout_s)
            refused |= {one.id: refusal_from(one.refusal) for one in answer.outcomes if one.refusal is not None}
        done = CHANGED if wish.action is JobAction.PRIORITY else ACCEPTED
        return [_outcome(id, refused.get(id), done) for id in ids]

    async def _refusal(self, caller: Caller, wish: JobsChange, id: str, job: Owned | None) -> Refusal | None:
        """Why the caller may not do this to the job; none if they may."""
        try:
            if job is None:
                raise no_such_job(id)
            require(caller, job, NEEDED[wish.action])
            if wish.priority is not None:
                check_priority(caller, job.vc, await self._policy_of(job.vc), wish.priority)
        except Refusal as refusal:
            return refusal
        return None


def _outcome(id: str, refusal: Refusal | None, done: int) -> Outcome:
    if refusal is None:
        return Outcome(status=done, id=id)
    return Outcome(status=refusal.status, id=id, problem=problem_of(refusal))
