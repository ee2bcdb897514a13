"""A notification: one event told to one recipient, by a document that exists once per event and entry."""

import json
from collections.abc import Collection
from datetime import datetime
from typing import Any, Self

from services.notify.domain import sending as sendings
from services.notify.domain.sending import Sending
from shared.contracts.base import Contract, JobId, UserName, Version
from shared.contracts.events import JOB_EVENTS, CloudEvent, JobEvent
from shared.contracts.job import without_environment, without_foreign, without_origin
from shared.contracts.notify import Notification, Notify, Progress

NAMES = {"errored": "error"}
"""Facts whose name for people is another one: that of the status they lead to."""

KNOWN = frozenset(NAMES.get(fact, fact) for fact in JOB_EVENTS)
"""What an entry may ask to be told of."""

CHANNELS = MAIL, WEBHOOK, PUSH = "mail", "webhook", "push"
"""How notifications travel."""


class DeliveryDocument(Contract):
    """Everything about one notification. `body` is the event as it is sent, the same bytes at each try."""

    id: str
    version: Version
    job_id: JobId
    owner: UserName
    event: str
    to: str
    body: str
    sending: Sending

    @property
    def by_mail(self) -> bool:
        return self.to.startswith("mailto:")

    @property
    def mailed_by(self) -> str | None:
        """Whom it counts for as a mail; one that was refused counts for nobody."""
        was_refused = self.sending.status is Progress.FAILED and self.sending.tries == 0
        return self.owner if self.by_mail and not was_refused else None

    @property
    def channel(self) -> str:
        """How it travels, one of CHANNELS."""
        return MAIL if self.by_mail else WEBHOOK if self.to.startswith(("http://", "https://")) else PUSH

    @property
    def lane(self) -> str:
        """Whose messages must not keep back those of others."""
        return self.owner

    def moved(self, sending: Sending, now: datetime) -> Self:
        """The next version."""
        return self.model_copy(update={"version": self.version + 1, "sending": sending})


def deliveries(event: CloudEvent[JobEvent], entries: Collection[Notify], now: datetime) -> list[DeliveryDocument]:
    """Whom to tell of this event; the ids are the same whenever this is asked again."""
    fact = type(event.data).fact
    name = NAMES.get(fact, fact)
    job = event.data.job
    return [
        DeliveryDocument(
            id=f"{job.id}.{job.version}.{number}",
            version=1,
            job_id=job.id,
            owner=job.owner,
            event=name,
            to=entry.to,
            body=_body(event),
            sending=sendings.begin(now),
        )
        for number, entry in enumerate(entries)
        if name in entry.on
    ]


def unknown(entry: Notify) -> list[str]:
    """Names in `on` that are no events."""
    return [name for name in entry.on if name not in KNOWN]


def resource(delivery: DeliveryDocument) -> Notification:
    """The notification as its owner sees it."""
    return Notification(
        id=delivery.id,
        job_id=delivery.job_id,
        event=delivery.event,
        to=delivery.to,
        created_at=delivery.sending.since,
        **sendings.shown(delivery.sending),
    )


def _body(event: CloudEvent[JobEvent]) -> str:
    """The event as it leaves the platform: of the job's environment only the names, no id of another VC's job, and not
    where the request came from that caused it.
    """
    content: dict[str, Any] = json.loads(event.model_dump_json())
    data = content["data"]
    if data.get("launch"):
        data["launch"] = without_environment(data["launch"])
    data["actor"] = without_origin(data["actor"])
    reason = data["job"]["state"].get("reason")
    if reason:
        reason["details"] = without_foreign(reason["details"])
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
