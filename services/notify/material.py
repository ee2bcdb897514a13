"""What a support mail shows of its job: asked from the jobs and logs services when the mail is made.

A service that does not answer puts the mail off, at first; then the mail goes without, and says what is missing.
"""

import yaml

from services.notify.domain.case import CaseDocument
from services.notify.domain.letter import Material
from services.notify.domain.redaction import Redaction
from shared.bus.bus import Bus
from shared.contracts import commands
from shared.contracts.commands import GetJob, GetJobEvents, TailLog
from shared.contracts.errors import Refusal, Unavailable
from shared.contracts.events import AnyCloudEvent
from shared.contracts.job import Job, JobRequest
from shared.contracts.logs import LogLine

PATIENT_TRIES = 3
CONSOLE_LINES = 500
ASK_S = 5.0
HISTORY_EVENTS = 2_500


async def gathered(bus: Bus, case: CaseDocument) -> Material:
    """All that can be found out. Raises Unavailable in the first tries."""
    patient = case.sending.tries <= PATIENT_TRIES
    missing: list[str] = []
    job: Job | None = None
    history: tuple[AnyCloudEvent, ...] = ()
    console: tuple[LogLine, ...] | None = None
    try:
        job = await bus.ask(commands.GET, GetJob(id=case.job_id), ASK_S)
        history = await _history(bus, case.job_id)
    except Refusal as refusal:
        _put_off(refusal, patient)
        missing.append(f"The job could not be looked up: {refusal.message}")
    if case.include_logs and job is None:
        missing.append("The console is left out: without the job, what must not be shown of it is not known.")
    elif case.include_logs:
        try:
            page = await bus.ask(commands.TAIL_LOG, TailLog(job_id=case.job_id, tail=CONSOLE_LINES), ASK_S)
            console = page.lines
        except Refusal as refusal:
            _put_off(refusal, patient)
            missing.append(f"The console could not be read: {refusal.message}")
    redaction = Redaction(job.env if job is not None else {})
    return Material(
        job=job,
        specification=None if job is None else _specification(job, redaction),
        history=history,
        console=console,
        missing=tuple(missing),
        redaction=redaction,
    )


async def _history(bus: Bus, job_id: str) -> tuple[AnyCloudEvent, ...]:
    events: list[AnyCloudEvent] = []
    while len(events) < HISTORY_EVENTS:
        after = events[-1].jobversion or 0 if events else 0
        page = await bus.ask(commands.EVENTS, GetJobEvents(id=job_id, after_version=after), ASK_S)
        events += page.items
        if not page.more or not page.items:
            break
    return tuple(events)


def _specification(job: Job, redaction: Redaction) -> str:
    """What was submitted, without what only its owner may know: the environment's values, and whom it tells."""
    content = job.model_dump(mode="json", include=set(JobRequest.model_fields) - {"notify"})
    text: str = yaml.safe_dump(redaction.tree(content), sort_keys=False, allow_unicode=True)
    return text


def _put_off(refusal: Refusal, patient: bool) -> None:
    if patient and isinstance(refusal, Unavailable):
        raise refusal
