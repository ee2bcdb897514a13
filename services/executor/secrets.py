"""A job's secrets, and what its image is pulled with: asked of the gateway when the run is to start, and kept nowhere.

They live in the order and in the run's own memory. While the gateway is away the launch is not made: what is wanted
of this node and does not run is asked for again by the reconcile loop.
"""

from dataclasses import replace

from services.executor.placed import Assignment
from services.executor.prepare import Unfit
from shared.bus.bus import Bus
from shared.contracts.commands.secrets import REVEAL, REVEAL_LOGIN, RegistryLogin, RevealLogin, RevealSecrets
from shared.contracts.errors import Forbidden, InternalError, NotFound, Unavailable
from shared.contracts.job import Reason

MISSING = "secret_missing"
NO_LOGIN = "registry_login_missing"


def needs_secrets(assignment: Assignment) -> bool:
    """Whether the gateway is to be asked before the run can start."""
    return bool(assignment.launch.secrets) or assignment.launch.login is not None


class Secrets:
    """What the jobs of this node were given to keep."""

    def __init__(self, bus: Bus, node: str, uses_images: bool) -> None:
        self._bus = bus
        self._reveal = REVEAL.at(node)
        self._reveal_login = REVEAL_LOGIN.at(node)
        self._uses_images = uses_images

    async def revealed(self, assignment: Assignment) -> Assignment:
        """The assignment with all of it. Raises Unfit when something is not there any more, Unavailable."""
        return replace(assignment, secrets=await self._values(assignment), login=await self._login(assignment))

    async def _values(self, assignment: Assignment) -> dict[str, str]:
        wanted = assignment.launch.secrets
        values: dict[str, str] = {}
        try:
            while missing := tuple(sorted(set(wanted.values()) - values.keys())):
                answer = await self._bus.ask(self._reveal, RevealSecrets(job_id=assignment.view.id, names=missing))
                if not answer.values.keys() & set(missing):
                    raise Unavailable("The gateway did not answer for the job's secrets.")
                values |= answer.values
        except (NotFound, Forbidden) as refusal:
            raise Unfit(Reason(code=MISSING, message=refusal.message)) from refusal
        except InternalError as refusal:
            raise Unavailable(refusal.message) from refusal
        return {variable: values[name] for variable, name in wanted.items()}

    async def _login(self, assignment: Assignment) -> RegistryLogin | None:
        """A host that uses no images gets none."""
        if assignment.launch.login is None or not self._uses_images:
            return None
        try:
            return await self._bus.ask(self._reveal_login, RevealLogin(job_id=assignment.view.id))
        except (NotFound, Forbidden) as refusal:
            raise Unfit(Reason(code=NO_LOGIN, message=refusal.message)) from refusal
        except InternalError as refusal:
            raise Unavailable(refusal.message) from refusal
