"""`jobyard pause`, `resume`, `kill` and `priority`: one job after the other; one that is refused stops no other."""

from collections.abc import Callable
from typing import Annotated

import typer
from rich.text import Text

from jobyard.cli.session import OK, JobArguments, JsonOption, exit_code_of, session
from jobyard.cli.show import headline
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.errors import JobyardError, Unavailable
from jobyard.models import Job


def pause(context: typer.Context, jobs: JobArguments, as_json: JsonOption = False) -> None:
    """Stop jobs with their grace period, and keep them for later."""
    _each(context, jobs, session(context).client.pause, as_json)


def resume(context: typer.Context, jobs: JobArguments, as_json: JsonOption = False) -> None:
    """Queue paused jobs again; they go on from their checkpoints."""
    _each(context, jobs, session(context).client.resume, as_json)


def kill(context: typer.Context, jobs: JobArguments, as_json: JsonOption = False) -> None:
    """End jobs for good."""
    _each(context, jobs, session(context).client.kill, as_json)


def priority(
    context: typer.Context,
    jobs: JobArguments,
    value: Annotated[int, typer.Argument(metavar="PRIORITY", help="1 to 1000; higher runs first.")],
    as_json: JsonOption = False,
) -> None:
    """Change jobs' place in the queue: `jobyard priority JOB 500`."""
    client = session(context).client
    _each(context, jobs, lambda job_id: client.set_priority(job_id, value), as_json)


def _each(context: typer.Context, jobs: list[str], act: Callable[[str], Job], as_json: bool) -> None:
    """Act on every job. The exit code is that of the first refusal; a platform that is away ends it at once."""
    current = session(context)
    code = OK
    for text in jobs:
        try:
            job = act(current.job_id(text))
        except Unavailable:
            raise
        except JobyardError as error:
            notes().print(Text.assemble(("error: ", "bold red"), f"{inert(text)}: {inert(error.message)}"))
            code = code or exit_code_of(error)
            continue
        if as_json:
            print_json(job)
        else:
            output().print(Text(f"{job.id}  {inert(job.name)}  ") + headline(job))
    if code:
        raise typer.Exit(code)
