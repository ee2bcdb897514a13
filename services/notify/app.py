"""Puts the notify service together; nothing connects here."""

import asyncio
from datetime import timedelta

from services.notify.desk import Desk
from services.notify.domain.case import OPERATORS, CaseDocument, Delivery
from services.notify.domain.delivery import CHANNELS, DeliveryDocument
from services.notify.handlers import SUBSCRIPTIONS, Handlers
from services.notify.mail import FolderMailer, Mailer, SmtpMailer
from services.notify.notices import Notices
from services.notify.postman import Postman
from services.notify.retention import Retention
from services.notify.settings import NotifySettings
from services.notify.store import NotifyStore
from services.notify.webhooks import SigningSecrets, Webhooks
from shared.contracts.instruments import NOTIFICATIONS
from shared.measures import measure_outbox
from shared.runtime import Deps, Service


def build(deps: Deps) -> Service:
    """Handlers, and four loops: the outbox of cases, their mails, the notifications, and what is forgotten."""
    settings = NotifySettings()
    store = NotifyStore(deps.open_store("notify"))
    bus, clock = deps.bus, deps.clock
    files = FolderMailer(deps.settings.data / "mail", settings.sender)
    mailer: Mailer = files if settings.smtp_host is None else SmtpMailer(settings, settings.smtp_host)
    to_operators: dict[Delivery, Mailer] = {"file": files}
    if settings.smtp_host is not None and settings.operators:
        to_operators = {"smtp": mailer, "file": files}
    desk = Desk(store, bus, clock, to_operators, settings.operators or NOBODY)
    keys = SigningSecrets(store, clock)
    webhooks = Webhooks(keys, clock, settings.allow_private, settings.web_timeout_s)
    notices = Notices(
        store, bus, clock, mailer, webhooks, settings.policy, settings.web_timeout_s, settings.mails_per_hour
    )
    mails: Postman[CaseDocument] = Postman(
        "case", bus, clock, settings.rules, store.cases, desk.send, (OPERATORS,), desk.changed
    )
    tellings: Postman[DeliveryDocument] = Postman(
        "notification", bus, clock, settings.rules, store.deliveries, notices.send, CHANNELS
    )
    deps.meter.watch(NOTIFICATIONS, mails.outcomes.items)
    deps.meter.watch(NOTIFICATIONS, tellings.outcomes.items)
    measure_outbox(deps.meter, "notify", desk.outbox)
    retention = Retention(store, clock, timedelta(days=settings.keep_days))

    def wake() -> None:
        mails.wake()
        tellings.wake()

    async def stop() -> None:
        await asyncio.gather(mails.drain(), tellings.drain())
        await desk.outbox.drain()

    return Service(
        name="notify",
        handlers=Handlers(desk, notices, keys, settings.policy, wake),
        subscriptions=SUBSCRIPTIONS,
        loops=(desk.outbox.run, mails.run, tellings.run, retention.run),
        stop=stop,
    )


NOBODY = ("operators@localhost",)
"""Whom a mail is addressed to that only becomes a file."""
