"""Who is let into a job: the endpoints service shows what somebody brings, and is told who that is, or why not.

Of several accounts that have the same key the job decides: its owner comes first, then those that may enter it.

The order of the refusals tells nobody more than they may know: 401 before the job is looked at, 404 for a job of a
virtual cluster that is not theirs, 403 for one that they may see but not use. Asking again by the credential of an
earlier answer finds every right that was lost since.
"""

from collections.abc import Sequence

from services.gateway.domain.access import Owned, Right, may, no_such_job, require
from services.gateway.identity import Entrant, Identity
from shared.bus.bus import Bus
from shared.contracts.commands.jobs import GET, GetJob
from shared.contracts.endpoints import Admit, Admitted
from shared.contracts.errors import NotFound


class Admission:
    """Answers `cmd.gateway.admit.v1`."""

    def __init__(self, identity: Identity, bus: Bus, timeout_s: float) -> None:
        self._identity = identity
        self._bus = bus
        self._timeout_s = timeout_s

    async def admit(self, ask: Admit) -> Admitted:
        """Raises Unauthorized, NotFound, Forbidden."""
        entrants = await self._who(ask)
        try:
            job = await self._bus.ask(GET, GetJob(id=ask.job_id), self._timeout_s)
        except NotFound:
            raise no_such_job(ask.job_id) from None
        entrant = chosen(entrants, job)
        require(entrant.caller, job, Right.USE_ENDPOINTS)
        return Admitted(user=entrant.caller.name, credential=entrant.credential, token=entrant.token, key=entrant.key)

    async def _who(self, ask: Admit) -> list[Entrant]:
        if ask.token is not None:
            return [await self._identity.of_token(ask.token)]
        if ask.public_key is not None:
            return await self._identity.of_key(ask.public_key)
        assert ask.credential is not None, "Admit names one of the three"
        return [await self._identity.again(ask.credential)]


def chosen(entrants: Sequence[Entrant], job: Owned) -> Entrant:
    """As whom somebody comes in who is all of these: as the job's owner, else as the first that may."""

    def rank(entrant: Entrant) -> tuple[bool, bool, bool]:
        uses = may(entrant.caller, job, Right.USE_ENDPOINTS)
        return uses, entrant.caller.name == job.owner, may(entrant.caller, job, Right.SEE)

    return max(entrants, key=rank)
