"""`jobyard metrics`: what a job uses, drawn on a terminal, live if one likes; a table in a pipe."""

from collections.abc import Iterable
from typing import Annotated

import typer
from rich.live import Live

from jobyard.cli.families import unknown
from jobyard.cli.picture import Picture
from jobyard.cli.series import COLUMNS, line, rows
from jobyard.cli.session import JobArgument, JsonOption, Session, session
from jobyard.cli.tables import print_table
from jobyard.cli.terminal import inert, notes, output, print_json, print_line
from jobyard.cli.times import MOMENT, MOMENT_HELP, since_option
from jobyard.cli.wait import outcome
from jobyard.models import Job, JobMetrics
from jobyard.watching import TERMINAL


def metrics(
    context: typer.Context,
    job: JobArgument,
    since: Annotated[
        str | None,
        typer.Option(parser=since_option, metavar=MOMENT, help=f"From then on: {MOMENT_HELP}. Else its last hour."),
    ] = None,
    end: Annotated[
        str | None, typer.Option(parser=since_option, metavar=MOMENT, help="Until then; else the job's end, or now.")
    ] = None,
    step: Annotated[
        str | None, typer.Option(metavar="DURATION", help="Between two points, for example 15s or 5m.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job is over.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a job uses, and what it reports. With --json and -f, a document per line."""
    if follow and end is not None:
        raise typer.BadParameter("--follow goes on until the job is over; leave --end out.")
    current = session(context)
    job_id = current.job_id(job)
    if follow:
        _follow(current, job_id, since, step, as_json)
        return
    found = current.client.metrics(job_id, start=since, end=end, step=step)
    if as_json:
        print_json(found)
        return
    console, whose = output(), current.client.get(job_id)
    if console.is_terminal:
        console.print(Picture(whose, found))
        return
    if table := rows(found):
        print_table(console, COLUMNS, table)
    for sentence in unknown(whose, found):
        notes().print(inert(sentence))


def _follow(current: Session, job_id: str, since: str | None, step: str | None, as_json: bool) -> None:
    looks = current.client.follow_metrics(job_id, start=since, step=step)
    console = output()
    if as_json:
        for _, found in looks:
            print_json(found)
    elif console.is_terminal:
        with Live(console=console, auto_refresh=False) as live:
            for job, found in looks:
                live.update(Picture(job, found, live=True), refresh=True)
    else:
        _print_changes(looks)


def _print_changes(looks: Iterable[tuple[Job, JobMetrics]]) -> None:
    """A line of the last values whenever they are others; how it stands with the job while there are none, and at its
    end how that came.
    """
    last, look = "", None
    for look in looks:
        job, found = look
        told = line(found) or ("" if job.status in TERMINAL else outcome(job).plain)
        if told and told != last:
            print_line(told)
            last = told
    if look is not None:
        print_line(outcome(look[0]).plain)
        for sentence in unknown(*look):
            notes().print(inert(sentence))
