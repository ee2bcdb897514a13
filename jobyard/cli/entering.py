"""Getting into a job that may not run yet: the endpoint is added, the job waited for, and the way in tried again."""

import time
from collections.abc import Callable
from typing import TypeVar

from jobyard.cli.terminal import inert, notes
from jobyard.cli.wait import wait_for
from jobyard.client import TERMINAL, Client
from jobyard.errors import Conflict
from jobyard.models import JobStatus

OPENING_S = 30.0
"""How long a job that runs may take to be entered."""
PAUSE_S = 0.3

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


def until_running(client: Client, job_id: str) -> None:
    """Wait, and say so. Raises Conflict for a job that is over."""
    job = client.get(job_id)
    if job.status not in TERMINAL and job.status is not JobStatus.RUNNING:
        notes().print(f"Job {inert(job.name)} is {job.status}; waiting until it runs. Ctrl-C ends the waiting only.")
        job = wait_for(client, job_id, {JobStatus.RUNNING})
    if job.status in TERMINAL:
        raise Conflict(f"Job {job_id} is {job.status}: nobody can get into it any more.")
