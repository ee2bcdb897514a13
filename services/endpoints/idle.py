"""Closes endpoints that nobody uses, as the policy of their virtual cluster says, and warns before.

Real traffic is use; what keeps a page fresh, pings and polling, is none: whoever carries it tells them apart
(`usage.py`). A Jupyter whose kernel is busy is used, whoever looks. A job that has no command of its own is there for
its endpoints alone: once nobody uses any of them, the job ends, and they with it; the same when all were closed.
"""

import asyncio
import json
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import timedelta

import structlog

from services.endpoints.apply import Applier
from services.endpoints.domain import reasons
from services.endpoints.domain.document import EndpointDocument
from services.endpoints.domain.idling import is_near_its_end, nobody_came, verdict
from services.endpoints.domain.machine import Signal, Used
from services.endpoints.opener import Opener
from services.endpoints.programs.starting import Programs
from shared.bus.bus import Bus
from shared.contracts.commands.changes import KILL, ChangeJob
from shared.contracts.commands.endpoints import IDLE_LIMITS
from shared.contracts.commands.jobs import GET, GetJob
from shared.contracts.endpoints import EndpointKind, EndpointStatus, GetIdleLimits
from shared.contracts.errors import Conflict, NotFound, Refusal, TemporaryError
from shared.contracts.job import IDLE, Actor, JobStatus

log = structlog.get_logger()

VCS = 200
AT_ONCE = 16
"""Jobs that are looked at side by side: one whose node is away holds up few others."""


class IdleWatch:
    """Looks at the endpoints of all jobs."""

    def __init__(self, applier: Applier, bus: Bus, programs: Programs, opener: Opener, timeout_s: float) -> None:
        self._applier = applier
        self._bus = bus
        self._programs = programs
        self._opener = opener
        self._timeout_s = timeout_s
        self._with_command: set[str] = set()
        """Jobs that have work of their own, so that their unused endpoints say nothing of them."""

    async def look(self, jobs: Collection[str]) -> None:
        """Once at each endpoint that is open, and at each of these jobs, whose endpoints may all be closed."""
        open: dict[str, list[EndpointDocument]] = {}
        async for endpoint in self._applier.store.open():
            open.setdefault(endpoint.job_id, []).append(endpoint)
        self._with_command &= open.keys() | set(jobs)
        vcs = {id: endpoints[0].vc for id, endpoints in open.items()}
        for id in set(jobs) - open.keys() - self._with_command:
            if documents := await self._applier.store.of_job(id):
                open[id] = []
                vcs[id] = documents[0].vc
        limits = await self._limits(sorted(set(vcs.values())))
        slots = asyncio.Semaphore(AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for id, endpoints in open.items():
                if (limit_s := limits.get(vcs[id])) is not None:
                    group.create_task(self._look_at(id, endpoints, limit_s, slots))

    async def _look_at(
        self, job_id: str, endpoints: Sequence[EndpointDocument], limit_s: int, slots: asyncio.Semaphore
    ) -> None:
        """At one job. What fails is tried again next time, and stops neither its other endpoints nor other jobs."""
        async with slots:
            with _delayed(job_id):
                if not await self._ended(job_id, endpoints, limit_s):
                    for endpoint in endpoints:
                        if is_near_its_end(endpoint, limit_s, self._applier.clock.now()):
                            with _delayed(job_id):
                                await self._judge(endpoint, limit_s)

    async def _ended(self, job_id: str, endpoints: Sequence[EndpointDocument], limit_s: int) -> bool:
        """End the job if it has no command and nobody has used any way into it for so long.

        `endpoints`: those of it that are open; the closed ones are read only when these are unused.
        """
        now = self._applier.clock.now()
        if job_id in self._with_command or not nobody_came(endpoints, limit_s, now):
            return False
        if not nobody_came(await self._applier.store.of_job(job_id), limit_s, now):
            return False
        job = await self._bus.ask(GET, GetJob(id=job_id), self._timeout_s)
        if job.command != IDLE:
            self._with_command.add(job_id)
            return False
        since = job.started_at or job.submitted_at
        if job.status is not JobStatus.RUNNING or now - since < timedelta(seconds=limit_s):
            return False
        for endpoint in endpoints:
            if _may_be_busy(endpoint) and await self._is_busy(endpoint):
                return False
        kill = ChangeJob(id=job_id, actor=Actor(kind="service", name="endpoints"), reason=reasons.job_idle(limit_s))
        with suppress(Conflict, NotFound):  # it has ended by itself
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
        if _may_be_busy(endpoint) and await self._is_busy(endpoint):
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
        except (OSError, Refusal, ValueError, KeyError, TypeError):
            return True


def _may_be_busy(endpoint: EndpointDocument) -> bool:
    return endpoint.kind is EndpointKind.JUPYTER and endpoint.status is EndpointStatus.READY


@contextmanager
def _delayed(job_id: str) -> Iterator[None]:
    try:
        yield
    except (TemporaryError, Refusal) as error:
        log.warning("endpoints_idle_unjudged", job_id=job_id, error=repr(error))
