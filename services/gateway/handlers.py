"""What the gateway hears: people's changes of jobs, for the audit. The map at the end is the whole of it."""

from collections.abc import Sequence

from services.gateway.audit import Audit, AuditEntry, entry_of
from shared.bus.subscriptions import Delivery, Shared
from shared.contracts import subjects
from shared.contracts.events import (
    JobKilled,
    JobKilling,
    JobPaused,
    JobPausing,
    JobPriorityChanged,
    JobResumed,
    JobSubmitted,
)

PEOPLE_DO = (JobSubmitted, JobPausing, JobPaused, JobResumed, JobPriorityChanged, JobKilling, JobKilled)
"""The only events of a job that a person can have caused; all others stay on the server."""


class Handlers:
    """One method per subscription."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit

    async def job_events(self, deliveries: Sequence[Delivery[AuditEntry | None]]) -> None:
        """Enter what people did; an event that comes twice is one entry."""
        entries = [delivery.message for delivery in deliveries if delivery.message is not None]
        if entries:
            await self._audit.add(entries)


SUBSCRIPTIONS = (
    Shared(
        "gateway-audit",
        subjects.EVENTS,
        tuple(subjects.job_events_of(event) for event in PEOPLE_DO),
        entry_of,
        Handlers.job_events,
    ),
)
