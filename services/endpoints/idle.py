"""Closes endpoints that nobody uses, as the policy of their virtual cluster says, and warns before.

Real traffic is use; what keeps a page fresh, pings and polling, is none: whoever carries it tells them apart
(`usage.py`). A Jupyter whose kernel is busy is used, whoever looks.
"""

import json

from services.endpoints.apply import Applier
from services.endpoints.domain.document import EndpointDocument
from services.endpoints.domain.idling import is_near_its_end, verdict
from services.endpoints.domain.machine import Signal, Used
from services.endpoints.opener import Opener
from services.endpoints.programs.starting import Programs
from shared.bus.bus import Bus
from shared.contracts.commands.endpoints import IDLE_LIMITS
from shared.contracts.endpoints import EndpointKind, EndpointStatus, GetIdleLimits
from shared.contracts.errors import Conflict

VCS = 200


class IdleWatch:
    """Looks at the endpoints of all jobs."""

    def __init__(self, applier: Applier, bus: Bus, programs: Programs, opener: Opener, timeout_s: float) -> None:
        self._applier = applier
        self._bus = bus
        self._programs = programs
        self._opener = opener
        self._timeout_s = timeout_s

    async def look(self) -> None:
        """Once at each that is ready."""
        ready = [one async for one in self._applier.store.open() if one.status is EndpointStatus.READY]
        limits = await self._limits(sorted({endpoint.vc for endpoint in ready}))
        for endpoint in ready:
            limit_s = limits.get(endpoint.vc)
            if limit_s is not None and is_near_its_end(endpoint, limit_s, self._applier.clock.now()):
                await self._judge(endpoint, limit_s)

    async def _limits(self, vcs: list[str]) -> dict[str, int]:
        limits: dict[str, int] = {}
        for start in range(0, len(vcs), VCS):
            ask = GetIdleLimits(vcs=tuple(vcs[start : start + VCS]))
            limits |= (await self._bus.ask(IDLE_LIMITS, ask, self._timeout_s)).seconds
        return limits

    async def _judge(self, endpoint: EndpointDocument, limit_s: int) -> None:
        now = self._applier.clock.now()
        if endpoint.kind is EndpointKind.JUPYTER and await self._is_busy(endpoint):
            await self._applier.change(endpoint.id, (Used(now),))
            return

        def signals(current: EndpointDocument) -> tuple[Signal, ...]:
            return (verdict(current, limit_s, now),) if is_near_its_end(current, limit_s, now) else ()

        self._opener.attend(await self._applier.follow(endpoint.id, signals, None))

    async def _is_busy(self, endpoint: EndpointDocument) -> bool:
        """Whether one of its kernels works. One that cannot be asked now is left alone."""
        try:
            status, body = await self._programs.ask(endpoint, "api/kernels")
            return status != 200 or any(kernel["execution_state"] == "busy" for kernel in json.loads(body))
        except (OSError, Conflict, ValueError, KeyError, TypeError):
            return True
