"""The support case: what was asked, how far its mail got, and its events, which are stored with the change itself."""

from collections.abc import Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any, Literal, Self

from services.notify.domain import sending as sendings
from services.notify.domain.sending import Sending
from shared.contracts import subjects
from shared.contracts.base import Contract, JobId, Timestamp, UserName, VcName, Version
from shared.contracts.events import (
    AnyCloudEvent,
    SupportEvent,
    SupportFailed,
    SupportRequested,
    SupportSent,
)
from shared.contracts.idempotency import Idempotency, claimed
from shared.contracts.notify import Progress, RequestSupport, SupportCase

Delivery = Literal["smtp", "file"]

ANSWER_BYTES = 262_144
"""The most that the messages of one answer take together: a message on the bus has room for little more."""

OPERATORS = "operators"
"""The one channel of cases."""


class CaseEntry(Contract):
    """One fact of a case, published as an event; `version` is the document's when it happened."""

    version: Version
    fact: Literal["requested", "sent", "failed"]
    time: Timestamp


class CaseDocument(Contract):
    """Everything about one case. Not every version is an event: the tries between are nobody's business."""

    id: JobId
    version: Version
    job_id: JobId
    vc: VcName
    requester: UserName
    email: str | None
    subject: str
    message: str
    include_logs: bool
    sending: Sending
    delivery: Delivery
    history: tuple[CaseEntry, ...]
    correlation_id: str | None = None
    idempotency: Idempotency | None = None

    @property
    def channel(self) -> str:
        """To whom it is mailed."""
        return OPERATORS

    @property
    def lane(self) -> str:
        """Whose messages must not keep back those of others."""
        return self.requester

    def moved(self, sending: Sending, now: datetime) -> Self:
        """The next version, with the event of an end."""
        version, history = self.version + 1, self.history
        if sending.over and not self.sending.over:
            fact: Literal["sent", "failed"] = "sent" if sending.status is Progress.SENT else "failed"
            history += (CaseEntry(version=version, fact=fact, time=now),)
        return self.model_copy(update={"version": version, "sending": sending, "history": history})


def opened(ask: RequestSupport, delivery: Delivery, now: datetime) -> CaseDocument:
    """The document at version 1, with SupportRequested."""
    return CaseDocument(
        id=ask.case_id,
        version=1,
        job_id=ask.job_id,
        vc=ask.vc,
        requester=ask.requester,
        email=ask.email,
        subject=ask.subject,
        message=ask.message,
        include_logs=ask.include_logs,
        sending=sendings.begin(now),
        delivery=delivery,
        history=(CaseEntry(version=1, fact="requested", time=now),),
        correlation_id=ask.correlation_id,
        idempotency=claimed(ask.idempotency_key, ask.fingerprint, now),
    )


def resource(case: CaseDocument) -> SupportCase:
    """The case as people see it."""
    return SupportCase(
        id=case.id,
        job_id=case.job_id,
        requester=case.requester,
        subject=case.subject,
        message=case.message,
        include_logs=case.include_logs,
        requested_at=case.sending.since,
        delivery=case.delivery,
        note=note(case),
        **sendings.shown(case.sending),
    )


def fitting(cases: Sequence[SupportCase]) -> tuple[SupportCase, ...]:
    """As many of them as one answer may carry, the first in any case."""
    sizes = accumulate(len(case.message.encode()) for case in cases)
    return tuple(
        case for number, (case, size) in enumerate(zip(cases, sizes, strict=True)) if not number or size <= ANSWER_BYTES
    )


def note(case: CaseDocument) -> str:
    """What happens to it, in a sentence."""
    if case.sending.status is Progress.FAILED:
        return "The mail could not be sent for too long and is among the dead letters. Ask the operators directly."
    if case.delivery == "file":
        done = "was" if case.sending.status is Progress.SENT else "is being"
        return (
            f"This platform has no mail server for its operators: the mail {done} written to mail/{case.id}.eml in its "
            "data folder. Tell the operators."
        )
    if case.sending.status is Progress.SENT:
        return "The operators' mail server has it."
    return "A mail to the operators is on its way."


def events_after(case: CaseDocument, version: int) -> list[tuple[str, AnyCloudEvent]]:
    """The events of later versions with their subjects, in order: what the outbox publishes."""
    return [_event(case, entry) for entry in case.history if entry.version > version]


def _event(case: CaseDocument, entry: CaseEntry) -> tuple[str, AnyCloudEvent]:
    data = _data(case, entry)
    envelope = AnyCloudEvent(
        id=f"{case.id}:{entry.fact}",
        type=f"io.jobyard.support.{entry.fact}.v1",
        source="/notify",
        subject=case.job_id,
        time=entry.time,
        correlationid=case.correlation_id,
        causationid=None if entry.fact == "requested" else f"{case.id}:requested",
        data=data,
    )
    return subjects.support_event(data), envelope


def _data(case: CaseDocument, entry: CaseEntry) -> SupportEvent:
    about: dict[str, Any] = {
        "case_id": case.id,
        "job_id": case.job_id,
        "vc": case.vc,
        "requester": case.requester,
        "subject": case.subject,
    }
    match entry.fact:
        case "requested":
            return SupportRequested(**about, message=case.message, include_logs=case.include_logs)
        case "sent":
            return SupportSent(**about, tries=case.sending.tries, delivery=case.delivery)
        case "failed":
            return SupportFailed(**about, tries=case.sending.tries, error=case.sending.last_error or "")
