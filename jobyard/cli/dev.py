"""`jobyard dev`: a job without a command to work in, and the way into it opened."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from jobyard.cli import jobfile
from jobyard.cli.endpoint import PATIENCE_S, show
from jobyard.cli.session import NOT_WELL, session
from jobyard.cli.terminal import inert, notes, print_line
from jobyard.cli.wait import outcome, wait_for
from jobyard.models import JobStatus


def dev(
    context: typer.Context,
    ssh: Annotated[bool, typer.Option("--ssh", help="For an editor or a terminal: print the SSH line.")] = False,
    name: Annotated[str, typer.Option(help="Of the job.")] = "dev",
    vc: Annotated[str | None, typer.Option(help="Virtual cluster.")] = None,
    image: Annotated[str | None, typer.Option(help="Container image.")] = None,
    device_type: Annotated[str | None, typer.Option(help="`cpu`, or for example `v100`.")] = None,
    devices: Annotated[int | None, typer.Option(help="Accelerators per node.")] = None,
    cpus: Annotated[float | None, typer.Option(help="Per node.")] = None,
    memory_mib: Annotated[int | None, typer.Option(help="Per node; 0 is not counted.")] = None,
    max_duration: Annotated[int | None, typer.Option(metavar="SECONDS", help="It ends when it runs longer.")] = None,
    work_path: Annotated[str | None, typer.Option(help="Where one finds oneself; must exist.")] = None,
    port: Annotated[list[int] | None, typer.Option(help="An interactive port. Repeatable.")] = None,
    browser: Annotated[bool, typer.Option("--browser/--print", help="Print Jupyter's address instead.")] = True,
) -> None:
    """Submit a job to work in, wait until it runs, and open Jupyter in it, or print the SSH line for an editor."""
    options: dict[str, Any] = {
        "name": name,
        "vc": vc,
        "image": image,
        "device_type": device_type,
        "devices": devices,
        "cpus": cpus,
        "memory_mib": memory_mib,
        "max_duration_s": max_duration,
        "work_path": work_path,
        "endpoints": ["ssh"] if ssh else ["ssh", "jupyter"],
        "interactive_ports": port or None,
    }
    given = {key: value for key, value in options.items() if value is not None}
    current = session(context)
    job = current.client.submit(jobfile.with_paths(given, Path.cwd()))
    notes().print(Text(f"submitted {inert(job.name)} as {job.id}; `jobyard kill {job.id}` ends it"))
    job = wait_for(current.client, job.id, {JobStatus.RUNNING})
    if job.status is not JobStatus.RUNNING:
        notes().print(outcome(job))
        raise typer.Exit(NOT_WELL)
    if ssh:
        print_line(current.client.endpoints.wait(job.id, "ssh", PATIENCE_S).command or "")
    else:
        show(current, job.id, "jupyter", browser=browser)
