"""`jobyard wait`: until jobs are over (or have another status), with their progress on stderr."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated

import typer
from rich.text import Text

from jobyard.cli.session import NOT_WELL, JobArguments, JsonOption, session
from jobyard.cli.show import headline, statuses_of
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.cli.times import duration, with_local_times
from jobyard.client import Client
from jobyard.errors import WaitTimeout
from jobyard.models import Job, JobStatus
from jobyard.watching import TERMINAL


def wait(
    context: typer.Context,
    jobs: JobArguments,
    until: Annotated[
        list[str] | None, typer.Option("--until", "-u", help="A status to wait for, instead of the end.")
    ] = None,
    timeout: Annotated[float | None, typer.Option(min=0, metavar="SECONDS", help="Give up after this long.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Wait until jobs are over. The exit code is 0 only if all of them finished (or have the status in --until)."""
    current = session(context)
    wanted = {statuses_of(part) for text in until or [] for part in text.split(",")}
    deadline = None if timeout is None else time.monotonic() + timeout
    well = True
    for job_id in [current.job_id(text) for text in jobs]:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        job = wait_for(current.client, job_id, wanted or TERMINAL, left)
        if as_json:
            print_json(job)
        else:
            output().print(outcome(job))
        well = well and job.status in (wanted or {JobStatus.FINISHED})
    if not well:
        raise typer.Exit(NOT_WELL)


def wait_for(client: Client, job_id: str, until: Iterable[JobStatus], timeout: float | None = None) -> Job:
    """Wait for one job, and show on stderr where it is. Raises WaitTimeout."""
    with _progress() as show:
        try:
            return client.wait(job_id, until, timeout, on_change=show)
        except WaitTimeout as error:
            said = with_local_times(error.message)
            raise WaitTimeout(f"{said} It was left alone; `jobyard kill {job_id}` would end it.") from error


def outcome(job: Job) -> Text:
    """One line on how it ended: id, name, status, time, exit code, reason."""
    text = Text(f"{job.id}  {inert(job.name)}  ") + headline(job)
    if job.started_at and job.finished_at:
        text.append(f" after {duration((job.finished_at - job.started_at).total_seconds())}")
        if job.attempt > 1:
            text.append(f" (attempt {job.attempt})")
    if job.exit_code is not None and job.status in TERMINAL:
        text.append(f", exit code {job.exit_code}")
    return text


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[Job], None]]:
    """A spinner with the present status on a terminal; a line for each change in a pipe."""
    console = notes()
    if not console.is_terminal:
        yield lambda job: console.print(Text(f"{job.id}  {inert(job.name)}  ") + headline(job))
        return
    with console.status("...") as status:
        yield lambda job: status.update(Text(f"{inert(job.name)}  ") + headline(job))
