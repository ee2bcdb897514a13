"""Notifications: which documents an event makes, and how each of them is sent."""

from collections.abc import Sequence

from services.notify.domain.allowance import WINDOW, allowed
from services.notify.domain.delivery import DeliveryDocument, deliveries, resource
from services.notify.domain.letter import notice_letter, notice_subject, notice_text
from services.notify.domain.sending import Arrival
from services.notify.domain.target import Mail, Policy, Push, Refused, Webhook, target_of
from services.notify.failures import Hopeless
from services.notify.mail import Mailer
from services.notify.push import push
from services.notify.store import NotifyStore
from services.notify.webhooks import Webhooks
from shared.bus import codec
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts import subjects
from shared.contracts.commands.jobs import GET, GetJob
from shared.contracts.errors import NotFound
from shared.contracts.events import CloudEvent, JobEvent
from shared.contracts.job import Job
from shared.contracts.notify import Notifications

MARK = b'"notifies":true'


def watched(subject: str, payload: bytes) -> CloudEvent[JobEvent] | None:
    """The event of a job that notifies, None for all others, which cost no more than a look at their bytes."""
    return codec.job_event(subject, payload) if MARK in payload else None


class Notices:
    """Makes deliveries of events, and sends them."""

    def __init__(
        self,
        store: NotifyStore,
        bus: Bus,
        clock: Clock,
        mailer: Mailer,
        webhooks: Webhooks,
        policy: Policy,
        push_timeout_s: float,
        mails_per_hour: int,
    ) -> None:
        """`mails_per_hour`: of one person's jobs; 0: any."""
        self._store = store
        self._bus = bus
        self._clock = clock
        self._mailer = mailer
        self._webhooks = webhooks
        self._policy = policy
        self._push_timeout_s = push_timeout_s
        self._mails_per_hour = mails_per_hour

    async def note(self, events: Sequence[CloudEvent[JobEvent]]) -> bool:
        """Store a delivery for each recipient of each event, once however often it is heard; whether there are any."""
        jobs: dict[str, Job | None] = {}
        made: list[DeliveryDocument] = []
        for event in events:
            id = event.data.job.id
            if id not in jobs:
                jobs[id] = await self._job(id)
            job = jobs[id]
            if event.data.job.notifies and job is not None:
                made += deliveries(event, job.notify, self._clock.now())
        if made:
            await self._store.deliveries.insert_many(await self._allowed(made))
        return bool(made)

    async def _allowed(self, made: Sequence[DeliveryDocument]) -> Sequence[DeliveryDocument]:
        """The same with mails above a person's allowance refused. What is stored already counts once.

        Events come in turn to one replica, so it counts exactly; another may let some in at the same moment.
        """
        mailing = {one.owner for one in made if one.by_mail}
        if not self._mails_per_hour or not mailing:
            return made
        known = await self._store.deliveries.get_many([one.id for one in made])
        now, most = self._clock.now(), self._mails_per_hour
        mailed = {owner: await self._store.mails_of(owner, now - WINDOW, most) for owner in mailing}
        fresh = {one.id: one for one in made if one.id not in known}
        return allowed(list(fresh.values()), mailed, most, now)

    async def notifications(self, job_id: str) -> Notifications:
        """Those of one job, the newest first."""
        return Notifications(items=tuple(resource(one) for one in await self._store.deliveries_of(job_id)))

    async def notifications_of(self, owner: str) -> Notifications:
        """About all jobs of a person, the newest first."""
        return Notifications(items=tuple(resource(one) for one in await self._store.deliveries_for(owner)))

    async def send(self, delivery: DeliveryDocument) -> Arrival | None:
        """Tell its recipient. Raises Missed."""
        try:
            target = target_of(delivery.to, self._policy)
        except Refused as refused:
            raise Hopeless(f"The address is not allowed: {refused}.") from refused
        if isinstance(target, Webhook):
            await self._webhooks.post(target, delivery.id, delivery.body, delivery.owner)
            return None
        event = codec.job_event(subjects.job_event(_fact(delivery), "-", delivery.job_id), delivery.body.encode())
        if isinstance(target, Mail):
            return await self._mailer.send(notice_letter(delivery.id, target.address, event, delivery.event))
        assert isinstance(target, Push)
        job = event.data.job
        await push(target, notice_subject(job, delivery.event), notice_text(job), self._push_timeout_s)
        return None

    async def _job(self, id: str) -> Job | None:
        try:
            return await self._bus.ask(GET, GetJob(id=id))
        except NotFound:
            return None


def _fact(delivery: DeliveryDocument) -> str:
    return "errored" if delivery.event == "error" else delivery.event
