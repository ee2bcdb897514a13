"""`jobyard list`: MY JOBS, and with `--all` everybody's that wait, as a table of the same ten columns."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated

import typer

from jobyard.cli.session import JsonOption, session
from jobyard.cli.show import devices, statuses_of
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import notes, output, print_json
from jobyard.cli.times import MOMENT, MOMENT_HELP, brief, local, moment_option
from jobyard.cli.used import reported
from jobyard.client import Client
from jobyard.errors import Invalid
from jobyard.listing import Conditions
from jobyard.models import Job, JobPage

PAGE = 500

COLUMNS = (
    Column("Id"),
    Column("Name", fold=True),
    Column("Status", status=True),
    Column("Number of\nDevice", right=True),
    Column("Preempt-\nible"),
    Column("Priority", right=True),
    Column("Submitted"),
    Column("Started"),
    Column("Finished"),
    Column("Actions"),
)
USER = Column("User")
"""What `--all` adds."""
REPORTS = Column("Reports", fold=True, spare=True)
"""What is added where a job reports values: the last ones, as far as there is room."""

ORDERS = "id, name, status, devices, preemptible, priority, submitted, started, finished, user"
RULES = {
    "mine": "the list holds every job that you submitted",
    "all": "--all holds everybody's jobs in your virtual clusters while they are queued, scheduling or paused; "
    "--status may add running, pausing and killing",
}


def list_jobs(
    context: typer.Context,
    everybody: Annotated[
        bool,
        typer.Option("--all", "-a", help="Everybody's jobs that wait, with their user, as the queue is."),
    ] = False,
    status: Annotated[
        list[str] | None, typer.Option("--status", "-s", help="Only these, for example `queued,running`.")
    ] = None,
    vc: Annotated[str | None, typer.Option(metavar="NAME", help="Only of this virtual cluster.")] = None,
    owner: Annotated[str | None, typer.Option(metavar="USER", help="Only this user's; with --all.")] = None,
    device_type: Annotated[
        str | None, typer.Option(metavar="TYPE", help="Only those that ask for it; `cpu` for no accelerator.")
    ] = None,
    preemptible: Annotated[
        bool | None, typer.Option("--preemptible/--not-preemptible", help="Only those that may, or may not, be paused.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", help="Only those with it; repeatable.")
    ] = None,
    submitted_after: Annotated[
        datetime | None,
        typer.Option(parser=moment_option, metavar=MOMENT, help=f"Submitted then or later: {MOMENT_HELP}."),
    ] = None,
    submitted_before: Annotated[
        datetime | None, typer.Option(parser=moment_option, metavar=MOMENT, help="Submitted earlier than that.")
    ] = None,
    finished_after: Annotated[
        datetime | None,
        typer.Option(parser=moment_option, metavar=MOMENT, help="Over since then or later; of my jobs."),
    ] = None,
    finished_before: Annotated[
        datetime | None, typer.Option(parser=moment_option, metavar=MOMENT, help="Over since before that.")
    ] = None,
    q: Annotated[
        str | None, typer.Option("--q", "-q", metavar="TEXT", help="The job's id, or the beginning of its name.")
    ] = None,
    sort: Annotated[
        str | None, typer.Option(metavar="COLUMN", help=f"{ORDERS}; `-` before it (--sort=-name) for downwards.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, help="At most this many.")] = 50,
    no_limit: Annotated[bool, typer.Option("--no-limit", help="Every one.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List my jobs, newest first; with --all everybody's that wait, in the order of the queue."""
    conditions: Conditions = {
        "scope": "all" if everybody else "mine",
        "status": [statuses_of(part) for text in status or [] for part in text.split(",") if part],
        "vc": vc,
        "owner": owner,
        "device_type": device_type,
        "preemptible": preemptible,
        "labels": dict(_label(text) for text in label or []),
        "submitted_after": submitted_after,
        "submitted_before": submitted_before,
        "finished_after": finished_after,
        "finished_before": finished_before,
        "q": q,
        "sort": sort,
    }
    jobs, first = _first_of(session(context).client, conditions, None if no_limit else limit)
    if as_json:
        print_json(jobs)
        return
    console = output()
    if jobs:
        moment: Callable[[datetime | None], str] = brief if console.is_terminal else local
        added = [column for column, wanted in ((USER, everybody), (REPORTS, any(map(_reports, jobs)))) if wanted]
        print_table(console, (*COLUMNS, *added), [[*_row(job, moment), *_added(job, added)] for job in jobs])
    else:
        notes().print(_why_empty(conditions))
    if jobs and len(jobs) < first.total:
        least = "at least " if first.total_is == "at_least" else ""
        notes().print(f"{len(jobs)} of {least}{first.total} jobs; --no-limit shows every one.")


def _first_of(client: Client, conditions: Conditions, limit: int | None) -> tuple[list[Job], JobPage]:
    """The first jobs of the list, at most `limit`, and its first page, which counts all there are."""
    first = page = client.job_page(limit=min(limit or PAGE, PAGE), **conditions)
    jobs = list(page.items)
    while page.next_cursor and (limit is None or len(jobs) < limit):
        left = PAGE if limit is None else min(limit - len(jobs), PAGE)
        page = client.job_page(limit=left, cursor=page.next_cursor, **conditions)
        jobs += page.items
    return jobs, first


def _label(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise Invalid(f"'{text}' is no label; write it as key=value.")
    return key, value


def _why_empty(conditions: Conditions) -> str:
    """One line that says what the list holds, and that something was left out."""
    narrowed = any(value not in (None, [], {}) for name, value in conditions.items() if name not in ("scope", "sort"))
    found = "No jobs with these conditions" if narrowed else "No jobs"
    return f"{found}: {RULES[conditions['scope']]}."


def _row(job: Job, moment: Callable[[datetime | None], str]) -> list[str]:
    return [
        job.id,
        job.name,
        str(job.status),
        devices(job),
        "yes" if job.preemptible else "no",
        str(job.priority),
        moment(job.submitted_at),
        moment(job.started_at),
        moment(job.finished_at),
        ", ".join(job.actions),
    ]


def _added(job: Job, columns: Sequence[Column]) -> list[str]:
    cells = {USER: job.owner, REPORTS: _reports(job)}
    return [cells[column] for column in columns]


def _reports(job: Job) -> str:
    return reported(job.usage)
