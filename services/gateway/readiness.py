"""Whether the platform can work: the answers of the services that a job needs."""

import asyncio

from services.gateway.resources.health import Readiness, ServiceHealth
from shared.bus.bus import Bus
from shared.contracts.commands.health import AskHealth, health_of
from shared.contracts.errors import Refusal

NEEDED = ("jobs", "scheduler", "executor", "logs")
ANSWER_S = 1.0


class ReadinessCheck:
    """Asks every needed service."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def check(self) -> Readiness:
        """What each of them says, within ANSWER_S."""
        healths = await asyncio.gather(*(self._ask(service) for service in NEEDED))
        services = dict(zip(NEEDED, healths, strict=True))
        return Readiness(ready=all(health.ready for health in healths), services=services)

    async def _ask(self, service: str) -> ServiceHealth:
        try:
            health = await self._bus.ask(health_of(service), AskHealth(), ANSWER_S)
        except Refusal as refusal:
            return ServiceHealth(ready=False, message=refusal.message)
        return ServiceHealth(ready=health.ready, message=health.message)
