"""Jobyard's public face: the Python client, its models and errors. Stands alone: nothing of the platform is imported.

`Client` is the way in; the `jobyard` command in `jobyard.cli` is a thin layer over it.
"""

from jobyard.client import TERMINAL, Client
from jobyard.errors import (
    Conflict,
    FieldProblem,
    Forbidden,
    Invalid,
    JobyardError,
    NotFound,
    NotJobyard,
    TooMany,
    Unauthorized,
    Unavailable,
    Unreachable,
    WaitTimeout,
)
from jobyard.models import Job, JobEvent, JobPage, JobRequest, JobStatus, LogGap, LogLine, LogTail, Me, Outcome

__all__ = [
    "TERMINAL",
    "Client",
    "Conflict",
    "FieldProblem",
    "Forbidden",
    "Invalid",
    "Job",
    "JobEvent",
    "JobPage",
    "JobRequest",
    "JobStatus",
    "JobyardError",
    "LogGap",
    "LogLine",
    "LogTail",
    "Me",
    "NotFound",
    "NotJobyard",
    "Outcome",
    "TooMany",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "WaitTimeout",
]
