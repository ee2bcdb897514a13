"""`jobyard get`: one job with everything about it."""

import shlex
from collections.abc import Sequence
from datetime import UTC, datetime

import typer
from rich.console import Console
from rich.text import Text

from jobyard.cli.blockers import blockers
from jobyard.cli.lastwords import print_last_words
from jobyard.cli.receipts import stop
from jobyard.cli.session import JobArguments, JsonOption, Session, session
from jobyard.cli.tables import STATUS_STYLES
from jobyard.cli.terminal import inert, output, print_json
from jobyard.cli.times import duration, local, with_local_times
from jobyard.cli.used import used
from jobyard.errors import Forbidden, Invalid, NotFound
from jobyard.models import Endpoint, Job, JobEvent, JobStatus, SecretRef, Share

_OF_A_STORED_JOB = frozenset({"Id", "Submitted", "Started", "Finished", "Exit code", "Attempt", "Actions"})


def statuses_of(text: str) -> JobStatus:
    """The status of this name. Raises Invalid."""
    try:
        return JobStatus(text.strip().lower())
    except ValueError:
        raise Invalid(f"'{text}' is no status; there are {', '.join(JobStatus)}.") from None


def devices(job: Job) -> str:
    """`8 v100`, of a job with several nodes `2 x 4 v100`, or `0`."""
    if not job.devices_total:
        return "0"
    return f"{f'{job.nodes} x ' if job.nodes > 1 else ''}{job.devices} {job.device_type}"


def get(context: typer.Context, jobs: JobArguments, as_json: JsonOption = False) -> None:
    """Show jobs: the status and its reason first, then everything else, and what one that failed said last."""
    current = session(context)
    console = output()
    for index, text in enumerate(jobs):
        job = current.client.get(current.job_id(text))
        if as_json:
            print_json(job)
            continue
        if index:
            console.print()
        print_job(console, job, current.client.events(job.id) if job.attempt else (), _ways(current, job))
        print_last_words(console, current.client, job)


def _ways(current: Session, job: Job) -> Sequence[Endpoint] | None:
    """The endpoints there are, those that were added later too; None where this person may not use them."""
    try:
        return current.client.endpoints.list(job.id)
    except (Forbidden, NotFound):
        return None


def print_job(
    console: Console, job: Job, events: Sequence[JobEvent] = (), endpoints: Sequence[Endpoint] | None = None
) -> None:
    """One job in full, first what is in its way, last its stops' receipts. `endpoints`: else its submission's."""
    console.print(headline(job))
    stops = [("Stopped", text) for event in events if (text := stop(event))]
    facts = [*blockers(job), *_facts(job, endpoints), *used(job.usage), *stops]
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        console.print(Text.assemble((f"  {name:<{width}}  ", "dim"), inert(value)))


def print_planned(console: Console, job: Job) -> None:
    """One job as it would be: without what only a submission gives it."""
    console.print("would be submitted", style="bold")
    facts = [(name, value) for name, value in _facts(job) if name not in _OF_A_STORED_JOB]
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        console.print(Text.assemble((f"  {name:<{width}}  ", "dim"), inert(value)))


def headline(job: Job) -> Text:
    """`queued: it waits for 4 v100; 2 are free (devices)`, or just the status."""
    text = Text.assemble((str(job.status), STATUS_STYLES.get(job.status, "")))
    if job.reason:
        text.append(f": {inert(with_local_times(job.reason.message))}")
        text.append(f" ({inert(job.reason.code)})", style="dim")
    return text


def _entry(value: str | SecretRef) -> str:
    """A variable's text, or the name of the secret that it holds."""
    return f"(secret {value.secret})" if isinstance(value, SecretRef) else shlex.quote(value)


def _facts(job: Job, endpoints: Sequence[Endpoint] | None = None) -> list[tuple[str, str]]:
    command = job.command if isinstance(job.command, str) else shlex.join(job.command)
    optional = [
        ("Image", image(job)),
        ("Environment", " ".join(f"{name}={_entry(value)}" for name, value in sorted(job.env.items()))),
        ("Labels", " ".join(f"{name}={value}" for name, value in sorted(job.labels.items()))),
        ("Data path", job.data_path),
        ("Work path", job.work_path),
        ("Job path", job.job_path),
        ("Checkpoint path", job.checkpoint_path),
        *_ways_in(job, endpoints),
        ("Time limit", duration(job.max_duration_s) if job.max_duration_s else None),
        ("Retries", str(job.retries) if job.retries else None),
    ]
    return [
        ("Id", job.id),
        ("Name", job.name),
        ("Command", command),
        ("Owner", f"{job.owner} (virtual cluster {job.vc})"),
        *_amounts(job),
        ("Preemptible", "yes" if job.preemptible else "no"),
        ("Priority", str(job.priority)),
        ("Submitted", local(job.submitted_at)),
        ("Started", _started(job)),
        ("Finished", _finished(job)),
        ("Exit code", "-" if job.exit_code is None else str(job.exit_code)),
        ("Attempt", str(job.attempt)),
        *_places(job),
        *((name, value) for name, value in optional if value),
        ("Grace period", f"{job.grace_period_s} s"),
        ("Actions", ", ".join(job.actions) or "-"),
    ]


def image(job: Job) -> str | None:
    """What its runs start in, and whether that may change."""
    found = job.run_image
    if found is None:
        return job.image
    if found.unpinned is not None:
        return f"{found.reference} ({found.unpinned.message.rstrip('.')})"
    if found.reference == job.image:
        return job.image
    return f"{found.reference} ({'of its virtual cluster' if job.image is None else f'named {job.image}'})"


def _amounts(job: Job) -> list[tuple[str, str]]:
    """What it asks for on each node, and of how many nodes."""
    per_node = f"{job.cpus:g} cpus" + (f", {job.memory_mib} MiB" if job.memory_mib else "")
    if job.nodes == 1:
        return [("Number of Device", devices(job)), ("Needs", per_node)]
    each = f"{job.devices} {job.device_type}" if job.devices else "0"
    total = f"{job.devices_total} {job.device_type}" if job.devices else "0"
    return [
        ("Number of Device", each),
        ("Number of Nodes", str(job.nodes)),
        ("Total of Device", total),
        ("Needs", f"{per_node} on each node"),
    ]


def _places(job: Job) -> list[tuple[str, str]]:
    """Where it is: `node-1, v100 0 1`, rank by rank."""
    return [
        ("Node" if job.nodes == 1 else f"Rank {share.rank}", ", ".join([share.node, *_held(job, share)]))
        for share in job.placement or ()
    ]


def _held(job: Job, share: Share) -> list[str]:
    return [f"{job.device_type} {' '.join(map(str, share.devices))}"] if share.devices else []


def _ways_in(job: Job, endpoints: Sequence[Endpoint] | None) -> list[tuple[str, str]]:
    if endpoints is not None:
        return [("Endpoints", ", ".join(f"{endpoint.name} ({endpoint.status})" for endpoint in endpoints))]
    return [
        ("Endpoints", ", ".join(str(endpoint) for endpoint in job.endpoints)),
        ("Interactive ports", ", ".join(str(port) for port in job.interactive_ports)),
    ]


def _started(job: Job) -> str:
    """After a first start, when this run began says nothing of how long the job waited."""
    if job.started_at is None:
        return "-"
    if job.attempt > 1:
        return f"{local(job.started_at)} (attempt {job.attempt})"
    return _since(job.started_at, job.submitted_at, "after")


def _since(moment: datetime, earlier: datetime, word: str) -> str:
    return f"{local(moment)} ({word} {duration((moment - earlier).total_seconds())})"


def _finished(job: Job) -> str:
    if job.finished_at and job.started_at:
        return _since(job.finished_at, job.started_at, f"attempt {job.attempt} ran" if job.attempt > 1 else "ran")
    if job.finished_at:
        return local(job.finished_at)
    if job.status == JobStatus.RUNNING and job.started_at:
        return f"- (runs since {duration((datetime.now(UTC) - job.started_at).total_seconds())})"
    return "-"
