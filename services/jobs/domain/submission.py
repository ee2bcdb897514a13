"""The beginning of a job: from a submission to its first version."""

from datetime import datetime

from services.jobs.domain import reasons
from services.jobs.domain.document import JobDocument, Step, append
from shared.contracts.commands.submission import NewJob
from shared.contracts.events import JobSubmitted
from shared.contracts.idempotency import claimed
from shared.contracts.job import Actor, JobState, JobStatus


def submit(new: NewJob, now: datetime) -> JobDocument:
    """The document at version 1: queued, with JobSubmitted."""
    state = JobState.of(status=JobStatus.QUEUED, priority=new.request.priority, reason=reasons.queued(), **_EMPTY)
    unborn = JobDocument.of(
        id=new.id,
        version=0,
        owner=new.owner,
        request=new.request,
        run_image=new.run_image,
        submitted_at=now,
        over=False,
        state=state,
        history=(),
        correlation_id=new.correlation_id,
        idempotency=claimed(new.idempotency_key, new.fingerprint, now),
    )
    actor = new.actor or Actor(kind="user", name=new.owner)
    return append(unborn, [Step(JobSubmitted, state, {})], actor, None, now)


_EMPTY = {
    name: field.default for name, field in JobState.model_fields.items() if name not in ("status", "priority", "reason")
}
