"""Getting into a job that may not run yet: the endpoint is added, the job waited for, and the way in tried again."""

import contextlib
import time
from collections.abc import Callable
from typing import TypeVar

import typer
from rich.text import Text

from jobyard.cli.terminal import inert, notes
from jobyard.cli.times import with_local_times
from jobyard.cli.wait import wait_for
from jobyard.client import Client
from jobyard.errors import Conflict, Forbidden, JobyardError, NotFound, Unauthorized, WaitTimeout
from jobyard.models import Endpoint, EndpointStatus, JobStatus
from jobyard.watching import TERMINAL

OPENING_S = 30.0
"""How long a job that runs may take to be entered."""
PAUSE_S = 0.3
LOOK_S = 5.0
"""How often it is looked whether the job of an endpoint that is being started still runs."""
LOOKS = 60
"""So often while the job runs: longer than the platform itself lets a program take, and then says what was wrong."""

T = TypeVar("T")


def enter(client: Client, job_id: str, name: str, way: Callable[[], T]) -> T:
    """What `way` opens, through the endpoint of this name. Raises JobyardError, Conflict for a job that is over."""
    client.endpoints.add(job_id, name)
    until_running(client, job_id)
    deadline = time.monotonic() + OPENING_S
    while True:
        try:
            return way()
        except Conflict:
            if time.monotonic() > deadline or client.get(job_id).status in TERMINAL:
                raise
        time.sleep(PAUSE_S)


def require_rank(client: Client, job_id: str, rank: int) -> None:
    """Raises BadParameter for a rank that the job does not have."""
    if rank == 0:
        return
    nodes = client.get(job_id).nodes
    if rank >= nodes:
        has = "1 node; its only rank is 0" if nodes == 1 else f"{nodes} nodes; its ranks are 0 to {nodes - 1}"
        raise typer.BadParameter(f"The job has {has}.", param_hint="--rank")


def why_cut(client: Client, job_id: str, name: str, patience_s: float = 0.0) -> str | None:
    """Why the platform has ended a connection that led through this endpoint; None if it seems not to have.

    `patience_s`: how long it may take until a run's end, which ends what people do in it first, is known.
    """
    deadline = time.monotonic() + patience_s
    while (why := _why_cut(client, job_id, name)) is None and time.monotonic() < deadline:
        time.sleep(PAUSE_S)
    return why


def _why_cut(client: Client, job_id: str, name: str) -> str | None:
    try:
        job = client.get(job_id)
        if job.status is not JobStatus.RUNNING:
            why = with_local_times(job.reason.message) if job.reason else ""
            return f"The job is {job.status}, which ended this session. {why}".rstrip()
        endpoint = client.endpoints.get(job_id, name)
    except (Forbidden, NotFound, Unauthorized) as error:
        return f"You may not enter this job any more, which ended this session. {error.message}"
    except JobyardError:
        return None
    if endpoint.status in (EndpointStatus.STARTING, EndpointStatus.READY):
        return None
    why = with_local_times(endpoint.reason.message) if endpoint.reason else ""
    return f"The endpoint '{name}' is {endpoint.status}, which ended this session. {why}".rstrip()


def until_ready(client: Client, job_id: str, name: str) -> Endpoint:
    """Wait for as long as the job waits, and while the program starts; say for what.

    Raises Conflict when it failed or was closed, or the job is over; WaitTimeout.
    """
    endpoint = client.endpoints.get(job_id, name)
    if endpoint.status in (EndpointStatus.REQUESTED, EndpointStatus.STARTING):
        until_running(client, job_id)
        notes().print(Text(f"Waiting until {inert(name)} has started. Ctrl-C ends the waiting only."))
    for _ in range(LOOKS - 1):
        with contextlib.suppress(WaitTimeout):
            return client.endpoints.wait(job_id, name, LOOK_S)
        until_running(client, job_id)
    return client.endpoints.wait(job_id, name, LOOK_S)


def until_running(client: Client, job_id: str) -> None:
    """Wait, and say so. Raises Conflict for a job that is over."""
    job = client.get(job_id)
    if job.status not in TERMINAL and job.status is not JobStatus.RUNNING:
        why = f" {inert(with_local_times(job.reason.message))}" if job.reason else ""
        waits = f"Job {inert(job.name)} is {job.status}; waiting until it runs.{why}"
        notes().print(Text(f"{waits} Ctrl-C ends the waiting only."))
        job = wait_for(client, job_id, {JobStatus.RUNNING})
    if job.status in TERMINAL:
        raise Conflict(f"Job {job_id} is {job.status}: nobody can get into it any more.")
