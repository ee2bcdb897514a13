"""What people ask of the notify service: help from the operators, and who was told about their jobs."""

from services.gateway.bodies import fingerprint
from services.gateway.domain.access import Caller, Right
from services.gateway.domain.throttle import Throttle
from services.gateway.problems import too_many
from services.gateway.resources.changes import SupportRequest
from services.gateway.yard import Yard
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.commands.support import (
    ALL_CASES,
    NOTIFICATIONS,
    NOTIFICATIONS_OF,
    REQUEST_SUPPORT,
    SUPPORT_CASES,
    WEBHOOK_SECRET,
)
from shared.contracts.notify import (
    CasePage,
    GetWebhookSecret,
    ListAllCases,
    ListCases,
    ListNotifications,
    ListNotificationsOf,
    Notifications,
    RequestSupport,
    SupportCase,
    SupportCases,
    WebhookSecret,
)
from shared.ids import new_id

HOUR_S = 3600.0


class Desk:
    """Its methods raise Refusals."""

    def __init__(self, bus: Bus, yard: Yard, clock: Clock, timeout_s: float, per_hour: int) -> None:
        self._bus = bus
        self._yard = yard
        self._clock = clock
        self._timeout_s = timeout_s
        self._recent = Throttle(per_hour, HOUR_S)

    async def request(
        self,
        caller: Caller,
        job_id: str,
        request: SupportRequest,
        plain: object,
        email: str | None,
        key: str | None,
        request_id: str | None,
    ) -> SupportCase:
        """A new case; the same one again for a key and a body that were there before.

        It counts before it is asked for, so that questions at one time don't slip through, and only if it was made.
        """
        job = await self._yard.stored(caller, job_id, Right.ASK_SUPPORT)
        ask = RequestSupport(
            case_id=new_id(),
            job_id=job.id,
            vc=job.vc,
            requester=caller.name,
            email=email,
            subject=request.subject,
            message=request.message,
            include_logs=request.include_logs,
            idempotency_key=key,
            fingerprint=fingerprint([job.id, plain]) if key is not None else None,
            correlation_id=request_id,
        )
        counted_at, made = self._count(caller), False
        try:
            case = await self._bus.ask(REQUEST_SUPPORT, ask, self._timeout_s)
            made = case.id == ask.case_id
            return case
        finally:
            if not made:
                self._recent.take_back(caller.name, counted_at)

    def _count(self, caller: Caller) -> float:
        """When it was counted. Raises TooMany."""
        now = self._clock.monotonic()
        wait_s = self._recent.wait_s(caller.name, now)
        if wait_s > 0:
            raise too_many("You have asked the operators very often within an hour. Wait for their answer.", wait_s)
        self._recent.add(caller.name, now)
        return now

    async def cases(self, caller: Caller, job_id: str) -> SupportCases:
        """What was asked about a job."""
        job = await self._yard.stored(caller, job_id, Right.SEE_MESSAGES)
        return await self._bus.ask(SUPPORT_CASES, ListCases(job_id=job.id), self._timeout_s)

    async def notifications(self, caller: Caller, job_id: str) -> Notifications:
        """Who was told about a job."""
        job = await self._yard.stored(caller, job_id, Right.SEE_MESSAGES)
        return await self._bus.ask(NOTIFICATIONS, ListNotifications(job_id=job.id), self._timeout_s)

    async def all_cases(self, requester: str | None, before: str | None, limit: int) -> CasePage:
        """What was asked about any job, by anybody or by one person."""
        ask = ListAllCases(requester=requester, before=before, limit=limit)
        return await self._bus.ask(ALL_CASES, ask, self._timeout_s)

    async def notifications_of(self, caller: Caller) -> Notifications:
        """Who was told about the caller's jobs."""
        return await self._bus.ask(NOTIFICATIONS_OF, ListNotificationsOf(owner=caller.name), self._timeout_s)

    async def webhook_secret(self, caller: Caller) -> WebhookSecret:
        """What the caller's webhooks are signed with."""
        ask = GetWebhookSecret(owner=caller.name)
        return await self._bus.ask(WEBHOOK_SECRET, ask, self._timeout_s)
