"""Who is let into a job: the endpoints service shows what somebody brings, and is told who that is, or why not.

The order of the refusals tells nobody more than they may know: 401 before the job is looked at, 404 for a job of a
virtual cluster that is not theirs, 403 for one that they may see but not use. Asking again by the credential of an
earlier answer finds every right that was lost since.
"""

from services.gateway.domain.access import Caller, Right, no_such_job, require
from services.gateway.identity import Identity
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
        caller, credential = await self._who(ask)
        try:
            job = await self._bus.ask(GET, GetJob(id=ask.job_id), self._timeout_s)
        except NotFound:
            raise no_such_job(ask.job_id) from None
        require(caller, job, Right.USE_ENDPOINTS)
        return Admitted(user=caller.name, credential=credential)

    async def _who(self, ask: Admit) -> tuple[Caller, str]:
        if ask.token is not None:
            signed_in = await self._identity.of(ask.token)
            return signed_in.caller, signed_in.credential
        if ask.public_key is not None:
            return await self._identity.of_key(ask.public_key)
        assert ask.credential is not None, "Admit names one of the three"
        return await self._identity.again(ask.credential), ask.credential
