"""Closes endpoints that nobody uses, as the policy of their virtual cluster says, and warns before.

Real traffic is use; what keeps a page fresh, pings and polling, is none: whoever carries it tells them apart
(`usage.py`). A Jupyter whose kernel is busy is used, whoever looks. A job that has no command of its own is there for
its endpoints alone: once nobody uses any of them, the job ends, and they with it.
"""

import json
from collections.abc import Sequence

from services.endpoints.apply import Applier
from services.endpoints.domain import reasons
from services.endpoints.domain.document import EndpointDocument
from services.endpoints.domain.idling import is_near_its_end, is_unused, verdict
from services.endpoints.domain.machine import Signal, Used
from services.endpoints.opener import Opener
from services.endpoints.programs.starting import Programs
from shared.bus.bus import Bus
from shared.contracts.commands.changes import KILL, ChangeJob
from shared.contracts.commands.endpoints import IDLE_LIMITS
from shared.contracts.commands.jobs import GET, GetJob
from shared.contracts.endpoints import EndpointKind, EndpointStatus, GetIdleLimits
from shared.contracts.errors import Conflict
from shared.contracts.job import IDLE, Actor, JobStatus

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
        jobs: dict[str, list[EndpointDocument]] = {}
        async for endpoint in self._applier.store.open():
            jobs.setdefault(endpoint.job_id, []).append(endpoint)
        limits = await self._limits(sorted({endpoints[0].vc for endpoints in jobs.values()}))
        for endpoints in jobs.values():
            limit_s = limits.get(endpoints[0].vc)
            if limit_s is not None and not await self._ended(endpoints, limit_s):
                for endpoint in endpoints:
                    if is_near_its_end(endpoint, limit_s, self._applier.clock.now()):
                        await self._judge(endpoint, limit_s)

    async def _ended(self, endpoints: Sequence[EndpointDocument], limit_s: int) -> bool:
        """End the job if it has no command and nobody has used any way into it for so long."""
        now = self._applier.clock.now()
        usable = [endpoint for endpoint in endpoints if endpoint.status is not EndpointStatus.FAILED]
        if not usable or not all(is_unused(endpoint, limit_s, now) for endpoint in usable):
            return False
        job = await self._bus.ask(GET, GetJob(id=endpoints[0].job_id), self._timeout_s)
        if job.command != IDLE or job.status is not JobStatus.RUNNING:
            return False
        for endpoint in usable:
            if endpoint.kind is EndpointKind.JUPYTER and await self._is_busy(endpoint):
                return False
        kill = ChangeJob(id=job.id, actor=Actor(kind="service", name="endpoints"), reason=reasons.job_idle(limit_s))
        await self._bus.ask(KILL, kill, self._timeout_s)
        return True

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
