"""What a mail says: a support case with its job, or a notification, as plain text and as HTML."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape

from services.notify.domain.case import CaseDocument
from services.notify.domain.redaction import Redaction
from shared.contracts.base import in_words, rfc3339
from shared.contracts.events import AnyCloudEvent, CloudEvent, JobEvent
from shared.contracts.job import Job, JobStatus, JobView, Reason
from shared.contracts.logs import LogLine

Rows = Sequence[tuple[str, str]]
FAILED = (JobStatus.FAILED, JobStatus.ERROR)


@dataclass(frozen=True)
class Attachment:
    """A text file."""

    name: str
    text: str
    subtype: str = "plain"


@dataclass(frozen=True)
class Letter:
    """A mail before it is put into the form that mail servers take. `id` makes its Message-ID, the same at each try."""

    id: str
    to: tuple[str, ...]
    subject: str
    text: str
    html: str
    date: datetime
    reply_to: str | None = None
    attachments: tuple[Attachment, ...] = ()


@dataclass(frozen=True)
class Material:
    """What could be found out about a case's job; `missing` says in sentences what could not."""

    job: Job | None = None
    specification: str | None = None
    history: tuple[AnyCloudEvent, ...] = ()
    console: tuple[LogLine, ...] | None = None
    last_words: tuple[LogLine, ...] = ()
    """Of the rank that failed first, of several."""
    missing: tuple[str, ...] = ()
    redaction: Redaction = field(default_factory=lambda: Redaction({}))


def support_letter(case: CaseDocument, material: Material, operators: tuple[str, ...]) -> Letter:
    """The mail that asks the operators for help."""
    hide = material.redaction.text
    message = hide(case.message)
    rows = [(name, hide(value)) for name, value in brief(case, material.job)]
    notes = [hide(note) for note in material.missing]
    files = []
    if material.specification is not None:
        files.append(Attachment(f"{case.job_id}.yaml", material.specification))
    if material.history:
        files.append(Attachment("history.txt", hide(_lines(history_line(event) for event in material.history))))
    if material.console is not None:
        files.append(Attachment("console.txt", hide(_console(material, material.console))))
    asks = f"{case.requester} asks for help with a job."
    return Letter(
        id=case.id,
        to=operators,
        subject=f"[Jobyard] {hide(case.subject)}",
        text=_text(asks, rows, message, notes),
        html=_html(asks, rows, message, notes),
        date=case.sending.since,
        reply_to=case.email,
        attachments=tuple(files),
    )


def notice_letter(id: str, to: str, event: CloudEvent[JobEvent], name: str) -> Letter:
    """The mail that tells of an event."""
    job = event.data.job
    headline = notice_subject(job, name)
    rows = _view_rows(job)
    return Letter(
        id=id,
        to=(to,),
        subject=headline,
        text=_text(headline, rows, "", []),
        html=_html(headline, rows, "", []),
        date=event.time,
    )


def notice_subject(job: JobView, name: str) -> str:
    """One line: which job, and what happened."""
    return f"[Jobyard] {job.name}: {name.replace('_', ' ')}"


def notice_text(job: JobView) -> str:
    """The rest of it as lines."""
    return "\n".join(f"{title}: {value}" for title, value in _view_rows(job))


def brief(case: CaseDocument, job: Job | None) -> Rows:
    """The job at a glance, and the reason why it is where it is."""
    if job is None:
        return [("Case", case.id), ("Job", case.job_id), ("VC", case.vc)]
    return [
        ("Case", case.id),
        ("Id", job.id),
        ("Name", job.name),
        ("User", job.owner),
        ("VC", job.vc),
        ("Status", job.status.value),
        ("Reason", _reason(job.reason)),
        ("Number of Device", f"{job.devices_total} {job.device_type}"),
        ("Preemptible", "yes" if job.preemptible else "no"),
        ("Priority", str(job.priority)),
        ("Submitted", in_words(job.submitted_at)),
        ("Started", _moment(job.started_at)),
        ("Finished", _moment(job.finished_at)),
        ("Attempt", str(job.attempt)),
        ("Exit code", "-" if job.exit_code is None else str(job.exit_code)),
    ]


def _view_rows(job: JobView) -> Rows:
    state = job.state
    return [
        ("Id", job.id),
        ("Name", job.name),
        ("User", job.owner),
        ("VC", job.vc),
        ("Status", state.status.value),
        ("Reason", _reason(state.reason)),
        ("Submitted", in_words(job.submitted_at)),
        ("Started", _moment(state.started_at)),
        ("Finished", _moment(state.finished_at)),
        ("Exit code", "-" if state.exit_code is None else str(state.exit_code)),
    ]


def history_line(event: AnyCloudEvent) -> str:
    """One change: when, what, which attempt, who, why."""
    data = event.data if isinstance(event.data, dict) else {}
    state = data.get("job", {}).get("state", {})
    actor = data.get("actor", {})
    reason = (state.get("reason") or {}).get("message", "")
    fact = event.type.split(".")[3]
    who = f"{actor.get('kind', '?')} {actor.get('name', '?')}"
    return f"{rfc3339(event.time)}  {fact:<16} attempt {state.get('attempt', 0)}  by {who}  {reason}".rstrip()


def console_line(line: LogLine, several: bool = False) -> str:
    """A line of the console with its time and attempt, of several ranks also with its own."""
    rank = f"[{line.rank}] " if several else ""
    return f"{rfc3339(line.time)} {line.attempt} {rank}{line.stream.value} | {line.text}"


def failed_rank(job: Job) -> int | None:
    """Which of several ranks is the reason for the job's end, if one is."""
    rank = job.reason.details.get("rank") if job.reason is not None and job.status in FAILED else None
    return rank if isinstance(rank, int) and 0 <= rank < job.nodes else None


def _console(material: Material, console: Iterable[LogLine]) -> str:
    """What the failed rank said last, which others may have had the last word after, then all of it."""
    several = material.job is not None and material.job.nodes > 1
    whole = _lines(console_line(line, several) for line in console)
    if not material.last_words:
        return whole
    last = _lines(console_line(line, several) for line in material.last_words)
    return f"Rank {material.last_words[0].rank} said last:\n\n{last}\nAll ranks:\n\n{whole}"


def _reason(reason: Reason | None) -> str:
    return reason.message if reason else "-"


def _moment(moment: datetime | None) -> str:
    return in_words(moment) if moment else "-"


def _lines(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)


def _text(headline: str, rows: Rows, message: str, notes: Sequence[str]) -> str:
    width = max(len(title) for title, _ in rows)
    table = _lines(f"{title:<{width}}  {value}" for title, value in rows)
    parts = [headline, message, table, *notes]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def _html(headline: str, rows: Rows, message: str, notes: Sequence[str]) -> str:
    cells = "".join(
        f'<tr><th align="left">{escape(title)}</th><td>{escape(value)}</td></tr>\n' for title, value in rows
    )
    said = f'<p style="white-space:pre-wrap">{escape(message)}</p>\n' if message else ""
    more = "".join(f"<p>{escape(note)}</p>\n" for note in notes)
    return (
        f'<!doctype html>\n<html><head><meta charset="utf-8"></head><body>\n<p>{escape(headline)}</p>\n{said}'
        f"<table>\n{cells}</table>\n{more}</body></html>\n"
    )
