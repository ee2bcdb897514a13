"""`jobyard submit`: a job from the command line, from a file, or from a file with some fields replaced."""

from typing import Annotated, Any

import typer
from rich.text import Text

from jobyard.cli.dryrun import foretell, warn
from jobyard.cli.logs import follow_console
from jobyard.cli.options import (
    CheckpointPathOption,
    CpusOption,
    DataPathOption,
    DevicesOption,
    DeviceTypeOption,
    EnvOption,
    FileOption,
    ImageOption,
    JobPathOption,
    LabelOption,
    MemoryOption,
    NameOption,
    PortOption,
    PreemptibleOption,
    PriorityOption,
    SecretOption,
    VcOption,
    environment,
    pairs,
    requests_of,
)
from jobyard.cli.session import INTERRUPTED, NOT_WELL, REFUSED, JsonOption, Session, session
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.cli.wait import outcome, wait_for
from jobyard.errors import Invalid
from jobyard.models import Job, JobStatus
from jobyard.watching import TERMINAL


def submit(
    context: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- COMMAND", help="One word: a line for /bin/sh; several: a list of arguments."),
    ] = None,
    file: FileOption = None,
    name: NameOption = None,
    vc: VcOption = None,
    image: ImageOption = None,
    device_type: DeviceTypeOption = None,
    devices: DevicesOption = None,
    nodes: Annotated[int | None, typer.Option(help="How many nodes; devices, cpus and memory are for each.")] = None,
    cpus: CpusOption = None,
    memory_mib: MemoryOption = None,
    priority: PriorityOption = None,
    preemptible: PreemptibleOption = None,
    retries: Annotated[int | None, typer.Option(help="How often to start again after a failure.")] = None,
    grace_period: Annotated[int | None, typer.Option(metavar="SECONDS", help="From SIGTERM to SIGKILL.")] = None,
    max_duration: Annotated[int | None, typer.Option(metavar="SECONDS", help="It fails when it runs longer.")] = None,
    env: EnvOption = None,
    secret: SecretOption = None,
    label: LabelOption = None,
    data_path: DataPathOption = None,
    work_path: Annotated[
        str | None, typer.Option(help="Where the command starts; must exist. One that begins with a dot starts here.")
    ] = None,
    job_path: JobPathOption = None,
    checkpoint_path: CheckpointPathOption = None,
    endpoint: Annotated[list[str] | None, typer.Option(help="ssh, jupyter or tensorboard. Repeatable.")] = None,
    port: PortOption = None,
    notify: Annotated[
        list[str] | None, typer.Option(metavar="TO", help="Tell of its end: mailto:... or https://... Repeatable.")
    ] = None,
    idempotency_key: Annotated[
        str | None, typer.Option(metavar="KEY", help="The same key and job again: the same job, for 24 h.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until it is over.")] = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Show what would be submitted, or why it would not be; submit nothing."),
    ] = False,
    follow: Annotated[bool, typer.Option("--follow", help="Show its console until it is over.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Submit a job: `jobyard submit --name hello -- echo hi`. Prints its id."""
    options: dict[str, Any] = {
        "name": name,
        "command": _command(command),
        "vc": vc,
        "image": image,
        "device_type": device_type,
        "devices": devices,
        "nodes": nodes,
        "cpus": cpus,
        "memory_mib": memory_mib,
        "priority": priority,
        "preemptible": preemptible,
        "retries": retries,
        "grace_period_s": grace_period,
        "max_duration_s": max_duration,
        "env": environment(env, secret),
        "labels": pairs("--label", label),
        "data_path": data_path,
        "work_path": work_path,
        "job_path": job_path,
        "checkpoint_path": checkpoint_path,
        "endpoints": endpoint or None,
        "interactive_ports": port or None,
        "notify": [{"to": to} for to in notify] if notify else None,
    }
    requests = requests_of(options, file)
    current = session(context)
    if dry_run:
        if wait or follow or idempotency_key:
            raise Invalid("--dry-run submits nothing; leave --wait, --follow and --idempotency-key out.")
        foretell(current, requests, as_json)
    elif len(requests) == 1:
        job = current.client.submit(requests[0], idempotency_key=idempotency_key)
        _after(current, job, wait=wait, follow=follow, as_json=as_json)
    elif wait or follow or idempotency_key:
        raise Invalid("--wait, --follow and --idempotency-key go with one job, not with a list; use `jobyard wait`.")
    else:
        _batch(current, requests, as_json)


def _command(words: list[str] | None) -> str | list[str] | None:
    if not words:
        return None
    return words[0] if len(words) == 1 else words


def _after(current: Session, job: Job, *, wait: bool, follow: bool, as_json: bool) -> None:
    warn(job.warnings or ())
    if not (wait or follow):
        if as_json:
            print_json(job)
        else:
            output().print(job.id)
        return
    notes().print(Text(f"submitted {inert(job.name)} as {job.id}"))
    try:
        if follow:
            follow_console(current.client, job.id, as_json=as_json, several=job.nodes > 1)
        job = wait_for(current.client, job.id, TERMINAL)
    except KeyboardInterrupt:
        notes().print(f"\nThe job goes on; `jobyard logs -f {job.id}` follows it, `jobyard kill {job.id}` ends it.")
        raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json(job)
    else:
        (notes() if follow else output()).print(outcome(job))
    if job.status != JobStatus.FINISHED:
        raise typer.Exit(NOT_WELL)


def _batch(current: Session, requests: list[dict[str, Any]], as_json: bool) -> None:
    outcomes = current.client.submit_batch(requests)
    if as_json:
        print_json(outcomes)
    refused = False
    for index, (request, result) in enumerate(zip(requests, outcomes, strict=True)):
        if result.id is not None:
            if not as_json:
                output().print(result.id)
            continue
        refused = True
        name = request.get("name", "without a name")
        detail = result.problem.detail if result.problem else f"the platform answered {result.status}"
        notes().print(Text(f"error: job {index + 1} ({inert(str(name))}): {inert(detail)}"))
    if refused:
        raise typer.Exit(REFUSED)
