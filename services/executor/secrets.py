"""The values of a job's secrets, asked of the gateway when the run is about to start, and kept nowhere.

They live in the order and in the run's own memory. While the gateway is away the launch is not made: what is wanted
of this node and does not run is asked for again by the reconcile loop.
"""

from dataclasses import replace

from services.executor.placed import Assignment
from services.executor.prepare import Unfit
from shared.bus.bus import Bus
from shared.contracts.commands.secrets import REVEAL, RevealSecrets
from shared.contracts.errors import Forbidden, InternalError, NotFound, Unavailable
from shared.contracts.job import Reason

MISSING = "secret_missing"


class Secrets:
    """What the jobs of this node were given to keep."""

    def __init__(self, bus: Bus, node: str) -> None:
        self._bus = bus
        self._reveal = REVEAL.at(node)

    async def revealed(self, assignment: Assignment) -> Assignment:
        """The assignment with the values. Raises Unfit when one is not there any more, Unavailable."""
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
        return replace(assignment, secrets={variable: values[name] for variable, name in wanted.items()})
