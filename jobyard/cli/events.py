"""`jobyard events`: what happened to a job, when, who did it and why."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.text import Text

from jobyard.cli.receipts import cost, spent
from jobyard.cli.session import JsonOption, session
from jobyard.cli.tables import STATUS_STYLES, Column, print_table
from jobyard.cli.terminal import inert, output, print_json
from jobyard.cli.times import precise, with_local_times
from jobyard.models import JobEvent

COLUMNS = (
    Column("Time"),
    Column("Version", right=True),
    Column("Event"),
    Column("Status", status=True),
    Column("Attempt", right=True),
    Column("By"),
    Column("Reason", fold=True),
)


def events(
    context: typer.Context,
    job: Annotated[
        str | None, typer.Argument(metavar="[JOB]", help="Else every job that I may see, from now on.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job is over.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what happened to a job, or follow every job that I may see. With --json, a document per line."""
    current = session(context)
    if job is None:
        _print_live(current.client.follow_events(), as_json, with_job=True)
        return
    job_id = current.job_id(job)
    if follow:
        _print_live(current.client.follow_events(job_id), as_json, with_job=False)
        return
    found = current.client.events(job_id)
    if as_json:
        for event in found:
            print_json(event)
        return
    before = [None, *found]
    print_table(output(), COLUMNS, [row(event, earlier) for event, earlier in zip(found, before, strict=False)])


def row(event: JobEvent, earlier: JobEvent | None = None) -> list[str]:
    """Time, version, event, status, attempt, actor, reason. `earlier`: the job's event before, if it is known."""
    view, state = event.data.job, event.data.job.state
    reason = with_local_times(state.reason.message) if state.reason else ""
    return [
        precise(event.time),
        str(view.version),
        fact(event),
        str(state.status),
        str(state.attempt),
        event.data.actor.name,
        " ".join(part for part in (_priority(event, earlier), reason, spent(event), cost(event)) if part),
    ]


def _priority(event: JobEvent, earlier: JobEvent | None) -> str:
    """What it was changed to, and from what."""
    if fact(event) != "priority_changed":
        return ""
    now = event.data.job.state.priority
    return f"priority {earlier.data.job.state.priority} -> {now}" if earlier is not None else f"priority {now}"


def fact(event: JobEvent) -> str:
    """`submitted` of `io.jobyard.job.submitted.v1`."""
    return event.type.removeprefix("io.jobyard.job.").removesuffix(".v1")


def _print_live(found: Iterable[JobEvent], as_json: bool, *, with_job: bool) -> None:
    console = output()
    last: dict[str, JobEvent] = {}
    for event in found:
        if as_json:
            print_json(event)
            continue
        time, _, name, status, attempt, actor, reason = row(event, last.get(event.data.job.id))
        last[event.data.job.id] = event
        text = Text(f"{time}  ", style="dim")
        if with_job:
            text.append(f"{event.data.job.id}  {inert(event.data.job.name)}  ")
        text.append(f"{inert(name):<16}", style=STATUS_STYLES.get(status, ""))
        text.append(f"  by {inert(actor)}" + (f", attempt {attempt}" if attempt != "0" else ""))
        if reason:
            text.append(f": {inert(reason)}")
        console.print(text)
        console.file.flush()
