"""`jobyard dev`: a job without a command to work in, and the way into it opened."""

import sys
from itertools import takewhile
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from jobyard.cli.dryrun import warn
from jobyard.cli.endpoint import show
from jobyard.cli.entering import until_ready
from jobyard.cli.options import (
    CheckpointPathOption,
    CpusOption,
    DataPathOption,
    DevicesOption,
    DeviceTypeOption,
    EnvOption,
    ImageOption,
    JobPathOption,
    LabelOption,
    MemoryOption,
    PortOption,
    PreemptibleOption,
    PriorityOption,
    SecretOption,
    VcOption,
    environment,
    pairs,
    requests_of,
)
from jobyard.cli.session import JOB_NAME, NOT_WELL, JsonOption, Session, session
from jobyard.cli.terminal import inert, notes, print_json, print_line
from jobyard.cli.wait import outcome, wait_for
from jobyard.errors import Conflict, Invalid
from jobyard.models import Job, JobStatus
from jobyard.watching import TERMINAL

NAME = "dev"
NO_KEY = "You have no SSH key here: `jobyard key add`, or use `jobyard ssh {id}`."


def dev(
    context: typer.Context,
    ssh: Annotated[bool, typer.Option("--ssh", help="For an editor or a terminal: print the SSH line.")] = False,
    new: Annotated[bool, typer.Option("--new", help="Although one of this name is there.")] = False,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="A job in YAML or JSON, without its command. Options replace.")
    ] = None,
    name: Annotated[str | None, typer.Option(help=f"Of the job; else the file's, or {NAME}.")] = None,
    vc: VcOption = None,
    image: ImageOption = None,
    device_type: DeviceTypeOption = None,
    devices: DevicesOption = None,
    cpus: CpusOption = None,
    memory_mib: MemoryOption = None,
    priority: PriorityOption = None,
    preemptible: PreemptibleOption = None,
    max_duration: Annotated[
        int | None,
        typer.Option(metavar="SECONDS", help="It is ended then, as failed; else it runs until killed."),
    ] = None,
    env: EnvOption = None,
    secret: SecretOption = None,
    label: LabelOption = None,
    data_path: DataPathOption = None,
    work_path: Annotated[str | None, typer.Option(help="Where one finds oneself; must exist.")] = None,
    job_path: JobPathOption = None,
    checkpoint_path: CheckpointPathOption = None,
    port: PortOption = None,
    browser: Annotated[bool, typer.Option("--browser/--print", help="Print Jupyter's address instead.")] = True,
    as_json: JsonOption = False,
) -> None:
    """Submit a job to work in, wait until it runs, and open Jupyter in it, or print the SSH line for an editor.

    With --json the job is printed once it runs, and nothing is opened.
    """
    options: dict[str, Any] = {
        "name": name,
        "vc": vc,
        "image": image,
        "device_type": device_type,
        "devices": devices,
        "cpus": cpus,
        "memory_mib": memory_mib,
        "priority": priority,
        "preemptible": preemptible,
        "max_duration_s": max_duration,
        "env": environment(env, secret),
        "labels": pairs("--label", label),
        "data_path": data_path,
        "work_path": work_path,
        "job_path": job_path,
        "checkpoint_path": checkpoint_path,
        "interactive_ports": port or None,
    }
    way = "ssh" if ssh else "jupyter"
    request = _request(requests_of(options, file), way)
    current = session(context)
    there = None if new else _there(current, str(request["name"]))
    job = _submitted(current, request) if there is None else _entered(current, there, way)
    if ssh and not as_json and not current.client.people.keys():
        notes().print(Text(NO_KEY.format(id=job.id)))
    job = wait_for(current.client, job.id, {JobStatus.RUNNING})
    if job.status is not JobStatus.RUNNING:
        notes().print(outcome(job))
        raise typer.Exit(NOT_WELL)
    if as_json:
        print_json(job)
    elif ssh:
        print_line(until_ready(current.client, job.id, way).command or "")
    else:
        show(current, job.id, way, browser=browser)


def _request(jobs: list[dict[str, Any]], way: str) -> dict[str, Any]:
    """What is submitted. Raises Invalid for a list of jobs: one works in one."""
    if len(jobs) > 1:
        raise Invalid(f"The file describes {len(jobs)} jobs; one works in one.")
    request = {key: value for key, value in jobs[0].items() if key != "command"}
    asked = request.get("endpoints")
    own = asked if isinstance(asked, list) else []
    return {"name": NAME, **request, "endpoints": list(dict.fromkeys((*own, "ssh", way)))}


def _there(current: Session, name: str) -> Job | None:
    """The newest of my jobs of this name that is not over."""
    if not JOB_NAME.fullmatch(name):
        return None  # the submission says what is wrong with it
    named = takewhile(lambda job: job.name == name, current.client.jobs(q=name, sort="name"))
    return max((job for job in named if job.status not in TERMINAL), key=lambda job: job.submitted_at, default=None)


def _entered(current: Session, job: Job, way: str) -> Job:
    """The job that is there already, if whoever can be asked wants it. Raises Conflict."""
    said = f"Your job {inert(job.name)} is {job.status} already, as {job.id}."
    enters = f"jobyard ssh {job.id}" if way == "ssh" else f"jobyard endpoint open {job.id} {way}"
    refusal = Conflict(f"{said} `{enters}` enters it; --new submits another.")
    if not sys.stdin.isatty():
        raise refusal
    notes().print(Text(f"{said} Enter it? [Y/n]"), end=" ")
    if sys.stdin.readline().strip().lower() not in ("", "y", "yes"):
        raise refusal
    current.client.endpoints.add(job.id, way)
    return job


def _submitted(current: Session, request: dict[str, Any]) -> Job:
    job = current.client.submit(request)
    warn(job.warnings or ())
    notes().print(Text(f"submitted {inert(job.name)} as {job.id}; `jobyard kill {job.id}` ends it"))
    notes().print(Text(f"It starts in {inert(job.work_path or job.job_path or f'its own folder, jobs/{job.id}')}."))
    return job
