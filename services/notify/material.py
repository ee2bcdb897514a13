"""What a support mail shows of its job: asked from the jobs and logs services when the mail is made.

A service that does not answer puts the mail off, at first; then the mail goes without, and says what is missing.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

import yaml

from services.notify.domain.case import CaseDocument
from services.notify.domain.letter import Material, failed_rank, history_line
from services.notify.domain.redaction import Redaction, texts_in
from services.notify.withheld import secrets_in
from shared.bus.bus import Bus
from shared.contracts.commands.jobs import EVENTS, GET, GetJob, GetJobEvents
from shared.contracts.commands.logs import TAIL_LOG, TailLog
from shared.contracts.errors import Refusal, Unavailable
from shared.contracts.events import AnyCloudEvent
from shared.contracts.job import Job, JobRequest
from shared.contracts.logs import LogLine

PATIENT_TRIES = 3
CONSOLE_LINES = 500
LAST_WORDS = 20
ASK_S = 5.0
HISTORY_EVENTS = 2_500
SPECIFIED = set(JobRequest.model_fields) - {"notify"}
"""What was submitted; whom it tells is only its owner's business."""
UNKNOWN = "All about the job is left out, since what must not be shown of its secrets is not known:"


async def gathered(bus: Bus, case: CaseDocument) -> Material:
    """All that can be found out. Raises Unavailable in the first tries."""
    patient = case.sending.tries <= PATIENT_TRIES
    missing: list[str] = []
    job: Job | None = None
    history: tuple[AnyCloudEvent, ...] = ()
    console: tuple[LogLine, ...] | None = None
    last_words: tuple[LogLine, ...] = ()
    try:
        job = await bus.ask(GET, GetJob(id=case.job_id), ASK_S)
        history = await _history(bus, case.job_id)
    except Refusal as refusal:
        _put_off(refusal, patient)
        missing.append(f"The job could not be looked up: {refusal.message}")
    if case.include_logs and job is None:
        missing.append("The console is left out: without the job, what must not be shown of it is not known.")
    elif job is not None and case.include_logs:
        try:
            rank = failed_rank(job)
            if rank is not None:
                last_words = await _tail(bus, TailLog(job_id=case.job_id, tail=LAST_WORDS, rank=rank))
            console = await _tail(bus, TailLog(job_id=case.job_id, tail=CONSOLE_LINES))
        except Refusal as refusal:
            _put_off(refusal, patient)
            missing.append(f"The console could not be read: {refusal.message}")
    if job is None:
        return Material(missing=tuple(missing))
    specification = job.model_dump(mode="json", include=SPECIFIED)
    secrets: Collection[str] = ()
    if job.secrets:
        texts = _texts(case, job, specification, history, (*last_words, *(console or ())))
        try:
            secrets = await secrets_in(bus, case.job_id, texts, ASK_S)
        except Refusal as refusal:
            _put_off(refusal, patient)
            missing.append(f"{UNKNOWN} {refusal.message}")
            return Material(missing=tuple(missing), redaction=Redaction(job.env))
    redaction = Redaction(job.env, secrets)
    return Material(
        job=job,
        specification=_document(redaction.tree(specification)),
        history=history,
        console=console,
        last_words=last_words,
        missing=tuple(missing),
        redaction=redaction,
    )


def _texts(
    case: CaseDocument,
    job: Job,
    specification: dict[str, Any],
    history: Iterable[AnyCloudEvent],
    console: Iterable[LogLine],
) -> Iterator[str]:
    """All that the mail will say."""
    yield from (case.subject, case.message, job.reason.message if job.reason else "")
    yield from texts_in(specification)
    yield from (history_line(event) for event in history)
    yield from (line.text for line in console)


async def _tail(bus: Bus, ask: TailLog) -> tuple[LogLine, ...]:
    return (await bus.ask(TAIL_LOG, ask, ASK_S)).lines


async def _history(bus: Bus, job_id: str) -> tuple[AnyCloudEvent, ...]:
    events: list[AnyCloudEvent] = []
    while len(events) < HISTORY_EVENTS:
        after = events[-1].jobversion or 0 if events else 0
        page = await bus.ask(EVENTS, GetJobEvents(id=job_id, after_version=after), ASK_S)
        events += page.items
        if not page.more or not page.items:
            break
    return tuple(events)


def _document(specification: dict[str, Any]) -> str:
    text: str = yaml.safe_dump(specification, sort_keys=False, allow_unicode=True)
    return text


def _put_off(refusal: Refusal, patient: bool) -> None:
    if patient and isinstance(refusal, Unavailable):
        raise refusal
