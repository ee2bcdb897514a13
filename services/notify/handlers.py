"""What the notify service answers and hears; the map at the end is the whole of it."""

from collections.abc import Callable, Sequence

from services.notify.desk import Desk
from services.notify.domain.delivery import KNOWN, unknown
from services.notify.domain.target import Policy, Push, Refused, kinds, target_of
from services.notify.notices import Notices, watched
from services.notify.push import understood
from services.notify.webhooks import SigningSecrets
from shared.bus.subscriptions import Answers, Delivery, Shared, Subscription
from shared.contracts import subjects
from shared.contracts.commands.jobs import EVENTS, GET
from shared.contracts.commands.logs import TAIL_LOG
from shared.contracts.commands.secrets import FIND_SECRETS
from shared.contracts.commands.support import (
    ALL_CASES,
    CHECK_NOTIFY,
    NOTIFICATIONS,
    NOTIFICATIONS_OF,
    NOTIFY_KINDS,
    REQUEST_SUPPORT,
    SUPPORT_CASES,
    WEBHOOK_SECRET,
)
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.events import CloudEvent, JobEvent
from shared.contracts.notify import (
    AskNotifyKinds,
    CasePage,
    CheckNotify,
    GetWebhookSecret,
    ListAllCases,
    ListCases,
    ListNotifications,
    ListNotificationsOf,
    Notifications,
    Notify,
    NotifyChecked,
    NotifyKinds,
    RequestSupport,
    SupportCase,
    SupportCases,
    WebhookSecret,
)


class Handlers:
    """One method per subscription."""

    def __init__(
        self, desk: Desk, notices: Notices, keys: SigningSecrets, policy: Policy, wake: Callable[[], None]
    ) -> None:
        self._desk = desk
        self._notices = notices
        self._keys = keys
        self._policy = policy
        self._wake = wake

    async def request_support(self, ask: RequestSupport) -> SupportCase:
        case, new = await self._desk.request(ask)
        if new:
            self._wake()
        return case

    async def support_cases(self, ask: ListCases) -> SupportCases:
        return await self._desk.cases(ask.job_id)

    async def all_cases(self, ask: ListAllCases) -> CasePage:
        return await self._desk.all_cases(ask.requester, ask.before, ask.limit)

    async def check(self, ask: CheckNotify) -> NotifyChecked:
        """Raises Invalid, which names the entries that cannot be served."""
        errors = [error for number, entry in enumerate(ask.entries) for error in await self._errors(number, entry)]
        if errors:
            first = errors[0]
            raise Invalid(f"{first.field}: {first.message}.", tuple(errors))
        return NotifyChecked()

    async def kinds(self, ask: AskNotifyKinds) -> NotifyKinds:
        domains = tuple(sorted(self._policy.mail_domains))
        return NotifyKinds(kinds=kinds(self._policy), mail_domains=domains, events=tuple(sorted(KNOWN)))

    async def notifications(self, ask: ListNotifications) -> Notifications:
        return await self._notices.notifications(ask.job_id)

    async def notifications_of(self, ask: ListNotificationsOf) -> Notifications:
        return await self._notices.notifications_of(ask.owner)

    async def webhook_secret(self, ask: GetWebhookSecret) -> WebhookSecret:
        document = await self._keys.of(ask.owner, renew=ask.renew, renewal=ask.renewal)
        return WebhookSecret(secret=document.secret, created_at=document.created_at)

    async def job_events(self, deliveries: Sequence[Delivery[CloudEvent[JobEvent] | None]]) -> None:
        events = [delivery.message for delivery in deliveries if delivery.message is not None]
        if events and await self._notices.note(events):
            self._wake()

    async def _errors(self, number: int, entry: Notify) -> list[FieldError]:
        found = []
        strange = unknown(entry)
        if strange:
            message = f"must be some of {', '.join(sorted(KNOWN))}"
            found.append(FieldError(field=f"notify.{number}.on", message=message))
        try:
            target = target_of(entry.to, self._policy)
            if isinstance(target, Push) and not await understood(target):
                raise Refused(f"is no address that {target.scheme} understands")
        except Refused as refused:
            found.append(FieldError(field=f"notify.{number}.to", message=str(refused)))
        return found


ASKS = (GET, EVENTS, TAIL_LOG, FIND_SECRETS)
"""Everything that this service asks of others."""

SUBSCRIPTIONS: tuple[Subscription, ...] = (
    Answers(REQUEST_SUPPORT, Handlers.request_support),
    Answers(SUPPORT_CASES, Handlers.support_cases),
    Answers(ALL_CASES, Handlers.all_cases),
    Answers(CHECK_NOTIFY, Handlers.check),
    Answers(NOTIFY_KINDS, Handlers.kinds),
    Answers(NOTIFICATIONS, Handlers.notifications),
    Answers(NOTIFICATIONS_OF, Handlers.notifications_of),
    Answers(WEBHOOK_SECRET, Handlers.webhook_secret),
    Shared("notify", subjects.EVENTS, (subjects.JOB_EVENTS,), watched, Handlers.job_events),
)
