"""What the gateway answers on the bus; the map at the end is the whole of it. All else it answers over HTTP."""

import json

from services.gateway.secrets import Secrets
from shared.bus.bus import Bus
from shared.bus.subscriptions import Answers
from shared.contracts import commands
from shared.contracts.commands import GetJob, RevealedSecrets, RevealSecrets
from shared.contracts.errors import Forbidden
from shared.contracts.job import TERMINAL

REPLY_BYTES = 400_000
"""Of values as JSON; one alone takes at most six times 64 KiB."""


class Handlers:
    """One method per subscription."""

    def __init__(self, bus: Bus, secrets: Secrets, timeout_s: float) -> None:
        self._bus = bus
        self._secrets = secrets
        self._timeout_s = timeout_s

    async def reveal(self, ask: RevealSecrets) -> RevealedSecrets:
        """Values for a job that is not over and names them; its owner and VC are the job's own word."""
        job = await self._bus.ask(commands.GET, GetJob(id=ask.job_id), self._timeout_s)
        if unnamed := sorted(set(ask.names) - set(job.secrets.values())):
            raise Forbidden(f"Job {job.id} does not name the secret '{unnamed[0]}'.")
        if job.status in TERMINAL:
            raise Forbidden(f"Job {job.id} is over and needs no secrets.")
        values = await self._secrets.values(job.owner, job.vc, ask.names)
        fitting: dict[str, str] = {}
        size = 0
        for name, value in values.items():
            size += len(json.dumps(value, ensure_ascii=False).encode())
            if fitting and size > REPLY_BYTES:
                break
            fitting[name] = value
        return RevealedSecrets(values=fitting)


SUBSCRIPTIONS = (Answers(commands.REVEAL, Handlers.reveal),)
