"""The operators' desk: takes questions about jobs, and sends each as one mail."""

from collections.abc import Mapping
from datetime import datetime

from services.notify.domain.case import CaseDocument, Delivery, events_after, fitting, opened, resource
from services.notify.domain.letter import support_letter
from services.notify.domain.sending import Arrival
from services.notify.failures import Missed
from services.notify.mail import Mailer
from services.notify.material import gathered
from services.notify.store import NotifyStore
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.errors import Conflict
from shared.contracts.notify import CasePage, RequestSupport, SupportCase, SupportCases
from shared.idempotency import is_key, used_for_another
from shared.outbox import Outbox
from shared.store.port import DuplicateKey


class Desk:
    """Support cases. A case and its event are one write; its history is the outbox."""

    def __init__(
        self,
        store: NotifyStore,
        bus: Bus,
        clock: Clock,
        mailers: Mapping[Delivery, Mailer],
        operators: tuple[str, ...],
    ) -> None:
        """`mailers`: how mails reach the operators; the first one is for new cases."""
        self._store = store
        self._bus = bus
        self._clock = clock
        self._mailers = mailers
        self._operators = operators
        self.outbox: Outbox[CaseDocument] = Outbox(bus, store.cases, events_after)

    async def request(self, ask: RequestSupport) -> tuple[SupportCase, bool]:
        """The case, and whether it is new. Raises Conflict for a key that was used for something else."""
        now = self._clock.now()
        known = await self._known(ask, now)
        if known is not None:
            return resource(known), False
        case = opened(ask, next(iter(self._mailers)), now)
        try:
            await self._store.cases.insert(case)
        except DuplicateKey as duplicate:
            existing = await self._existing(ask, duplicate.index, now)
            return resource(existing), False
        self.outbox.committed([case])
        return resource(case), True

    async def cases(self, job_id: str) -> SupportCases:
        """Those of one job, the newest first."""
        return SupportCases(items=fitting([resource(case) for case in await self._store.cases_of(job_id)]))

    async def all_cases(self, requester: str | None, before: str | None, limit: int) -> CasePage:
        """Everybody's, or one person's, the newest first."""
        page = await self._store.all_cases(requester, before, limit)
        items = fitting([resource(case) for case in page.items])
        more = page.after is not None or len(items) < len(page.items)
        return CasePage(items=items, next_cursor=items[-1].id if more else None)

    async def send(self, case: CaseDocument) -> Arrival:
        """One mail to the operators. Raises Missed, or a Refusal of whoever was asked about the job."""
        mailer = self._mailers.get(case.delivery)
        if mailer is None:
            raise Missed("No mail server is configured any more (JOBYARD_NOTIFY_SMTP_HOST).")
        material = await gathered(self._bus, case)
        return await mailer.send(support_letter(case, material, self._operators))

    def changed(self, case: CaseDocument) -> None:
        """A case was stored: its events are published, or its mark is raised over versions that have none."""
        self.outbox.committed([case])

    async def _known(self, ask: RequestSupport, now: datetime) -> CaseDocument | None:
        if ask.idempotency_key is None:
            return None
        found = (await self._store.keys.find(ask.requester, (ask.idempotency_key,), now)).get(ask.idempotency_key)
        if found is not None and found.idempotency and not found.idempotency.is_of(ask.fingerprint):
            raise used_for_another(found.id)
        return found

    async def _existing(self, ask: RequestSupport, index: str | None, now: datetime) -> CaseDocument:
        """The case that stood in the way: the same command before, or the same key at the same moment."""
        found = await (self._known(ask, now) if is_key(index) else self._store.cases.get(ask.case_id))
        if found is None or found.requester != ask.requester or found.job_id != ask.job_id:
            raise Conflict("The case could not be stored beside another one. Send the request again.")
        return found
