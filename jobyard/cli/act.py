"""`jobyard pause`, `resume`, `kill` and `priority`, of named jobs or of all that options choose.

A job that is refused stops no other.
"""

from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.text import Text

from jobyard.cli.confirm import YesOption
from jobyard.cli.many import (
    LabelOption,
    NameOption,
    OwnerOption,
    StatusOption,
    VcOption,
    act_on_many,
    chosen,
)
from jobyard.cli.session import OK, JsonOption, SomeJobs, exit_code_of, session
from jobyard.cli.show import headline
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.errors import JobyardError, Unavailable
from jobyard.models import Job


def pause(
    context: typer.Context,
    jobs: SomeJobs = None,
    status: StatusOption = None,
    label: LabelOption = None,
    name: NameOption = None,
    vc: VcOption = None,
    owner: OwnerOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Stop jobs with their grace period, and keep them for later: these, or all that the options choose."""
    _act(context, "pause", jobs, chosen(status, label, name, vc, owner), yes, as_json)


def resume(
    context: typer.Context,
    jobs: SomeJobs = None,
    status: StatusOption = None,
    label: LabelOption = None,
    name: NameOption = None,
    vc: VcOption = None,
    owner: OwnerOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Queue paused jobs again, these or all that the options choose; they go on from their checkpoints."""
    _act(context, "resume", jobs, chosen(status, label, name, vc, owner), yes, as_json)


def kill(
    context: typer.Context,
    jobs: SomeJobs = None,
    status: StatusOption = None,
    label: LabelOption = None,
    name: NameOption = None,
    vc: VcOption = None,
    owner: OwnerOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """End jobs for good: these, or all that the options choose."""
    _act(context, "kill", jobs, chosen(status, label, name, vc, owner), yes, as_json)


def priority(
    context: typer.Context,
    jobs: SomeJobs = None,
    *,
    value: Annotated[int, typer.Argument(metavar="PRIORITY", help="1 to 1000; higher runs first.")],
    status: StatusOption = None,
    label: LabelOption = None,
    name: NameOption = None,
    vc: VcOption = None,
    owner: OwnerOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Change jobs' place in the queue: `jobyard priority JOB 500`, or of all that the options choose."""
    _act(context, "priority", jobs, chosen(status, label, name, vc, owner), yes, as_json, value)


def _act(
    context: typer.Context,
    action: str,
    jobs: list[str] | None,
    filter: dict[str, Any],
    yes: bool,
    as_json: bool,
    value: int | None = None,
) -> None:
    """On the named jobs one after the other, or on all that are meant by the filter at once."""
    if bool(jobs) == bool(filter):
        raise typer.BadParameter("Name the jobs, or choose them by --status, --label, --name, --vc or --owner.")
    if filter:
        act_on_many(context, action, filter, yes, as_json, value)
        return
    client = session(context).client
    acts: dict[str, Callable[[str], Job]] = {
        "pause": client.pause,
        "resume": client.resume,
        "kill": client.kill,
        "priority": lambda job_id: client.set_priority(job_id, value or 0),
    }
    _each(context, jobs or [], acts[action], as_json)


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
