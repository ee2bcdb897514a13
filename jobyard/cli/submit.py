"""`jobyard submit`: a job from the command line, from a file, or from a file with some fields replaced."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from jobyard.cli import jobfile
from jobyard.cli.dryrun import foretell, warn
from jobyard.cli.logs import print_console
from jobyard.cli.session import INTERRUPTED, NOT_WELL, REFUSED, JsonOption, Session, session
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.cli.wait import outcome, wait_for
from jobyard.client import TERMINAL
from jobyard.errors import Invalid
from jobyard.models import Job, JobStatus


def submit(
    context: typer.Context,
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="-- COMMAND", help="One word: a line for /bin/sh; several: a list of arguments."),
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", help="YAML or JSON, a job or a list; - is stdin. Options replace.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Needed, here or in the file.")] = None,
    vc: Annotated[str | None, typer.Option(help="Virtual cluster.")] = None,
    image: Annotated[
        str | None, typer.Option(help="Container image; a node that runs jobs on the host has no use for it.")
    ] = None,
    device_type: Annotated[str | None, typer.Option(help="`cpu`, or for example `v100`.")] = None,
    devices: Annotated[int | None, typer.Option(help="Accelerators per node.")] = None,
    nodes: Annotated[int | None, typer.Option(help="Nodes.")] = None,
    cpus: Annotated[float | None, typer.Option(help="Per node.")] = None,
    memory_mib: Annotated[int | None, typer.Option(help="Per node; 0 is not counted.")] = None,
    priority: Annotated[int | None, typer.Option(help="1 to 1000; higher is considered first.")] = None,
    preemptible: Annotated[
        bool | None, typer.Option("--preemptible/--not-preemptible", help="May be paused for a job of higher priority.")
    ] = None,
    retries: Annotated[int | None, typer.Option(help="How often to start again after a failure.")] = None,
    grace_period: Annotated[int | None, typer.Option(metavar="SECONDS", help="From SIGTERM to SIGKILL.")] = None,
    max_duration: Annotated[int | None, typer.Option(metavar="SECONDS", help="It fails when it runs longer.")] = None,
    env: Annotated[list[str] | None, typer.Option("--env", "-e", metavar="NAME=VALUE", help="Repeatable.")] = None,
    secret: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=SECRET]", help="A variable that holds a secret, by default of its own name. Repeatable."
        ),
    ] = None,
    label: Annotated[list[str] | None, typer.Option("--label", "-l", metavar="KEY=VALUE", help="Repeatable.")] = None,
    data_path: Annotated[str | None, typer.Option(help="Must exist. One that begins with a dot starts here.")] = None,
    work_path: Annotated[str | None, typer.Option(help="Where the command starts; must exist.")] = None,
    job_path: Annotated[str | None, typer.Option(help="The job's own folder.")] = None,
    checkpoint_path: Annotated[str | None, typer.Option(help="Default: below the job path.")] = None,
    endpoint: Annotated[list[str] | None, typer.Option(help="ssh, jupyter or tensorboard. Repeatable.")] = None,
    port: Annotated[list[int] | None, typer.Option(help="An interactive port. Repeatable.")] = None,
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
        "env": _environment(env, secret),
        "labels": _pairs("--label", label),
        "data_path": data_path,
        "work_path": work_path,
        "job_path": job_path,
        "checkpoint_path": checkpoint_path,
        "endpoints": endpoint or None,
        "interactive_ports": port or None,
        "notify": [{"to": to} for to in notify] if notify else None,
    }
    given = jobfile.with_paths({key: value for key, value in options.items() if value is not None}, Path.cwd())
    requests = [_merged(job, given) for job in (jobfile.read(file) if file else [{}])]
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


def _pairs(option: str, texts: list[str] | None) -> dict[str, str] | None:
    if not texts:
        return None
    for text in texts:
        if "=" not in text:
            raise typer.BadParameter(f"'{text}' has no '='; write NAME=VALUE.", param_hint=option)
    return dict(text.split("=", 1) for text in texts)


def _environment(texts: list[str] | None, secrets: list[str] | None) -> dict[str, Any] | None:
    """Texts and secrets, as the API takes them; None where there are none."""
    environment: dict[str, Any] = dict(_pairs("--env", texts) or {})
    for word in secrets or []:
        variable, _, name = word.partition("=")
        environment[variable] = {"secret": name or variable}
    return environment or None


def _merged(job: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """Options replace the file's fields; environment and labels are joined."""
    merged = {**job, **given}
    for field in ("env", "labels"):
        if isinstance(job.get(field), dict) and field in given:
            merged[field] = {**job[field], **given[field]}
    return merged


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
            print_console(current.client.follow_logs(job.id), as_json=as_json)
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
