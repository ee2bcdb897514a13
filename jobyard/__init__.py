"""Jobyard's public face: the Python client, its models and errors, and checkpoints and reports of running scripts.

Stands alone: nothing of the platform is imported. `Client` is the way in; the `jobyard` command in `jobyard.cli` is a
thin layer over it. A training script that writes checkpoints and reports loads nothing but the standard library:
everything else is imported when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from jobyard.checkpoints import checkpoint, latest, load, resuming, save
from jobyard.reports import report

if TYPE_CHECKING:
    from jobyard.client import Client
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
    from jobyard.models import (
        ApiToken,
        AuditEntry,
        Changes,
        Cluster,
        ClusterHistory,
        Job,
        JobAction,
        JobEvent,
        JobFilter,
        JobMetrics,
        JobPage,
        JobRequest,
        JobStatus,
        LogGap,
        LogLine,
        LogTail,
        MadeApiToken,
        Me,
        Outcome,
        Receipt,
        Role,
        Scope,
        SubmitOptions,
        UsageLine,
        UsageSummary,
        User,
        Vc,
    )
    from jobyard.watching import TERMINAL

__all__ = [
    "TERMINAL",
    "ApiToken",
    "AuditEntry",
    "Changes",
    "Client",
    "Cluster",
    "ClusterHistory",
    "Conflict",
    "FieldProblem",
    "Forbidden",
    "Invalid",
    "Job",
    "JobAction",
    "JobEvent",
    "JobFilter",
    "JobMetrics",
    "JobPage",
    "JobRequest",
    "JobStatus",
    "JobyardError",
    "LogGap",
    "LogLine",
    "LogTail",
    "MadeApiToken",
    "Me",
    "NotFound",
    "NotJobyard",
    "Outcome",
    "Receipt",
    "Role",
    "Scope",
    "SubmitOptions",
    "TooMany",
    "Unauthorized",
    "Unavailable",
    "Unreachable",
    "UsageLine",
    "UsageSummary",
    "User",
    "Vc",
    "WaitTimeout",
    "checkpoint",
    "latest",
    "load",
    "report",
    "resuming",
    "save",
]
_HOMES = {"Client": "client", "TERMINAL": "watching"}
_ERRORS = frozenset(
    "Conflict FieldProblem Forbidden Invalid JobyardError NotFound NotJobyard TooMany Unauthorized Unavailable "
    "Unreachable WaitTimeout".split()
)


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'jobyard' has no attribute {name!r}")
    home = _HOMES.get(name) or ("errors" if name in _ERRORS else "models")
    value = getattr(import_module(f"jobyard.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
