"""Runs that the platform has placed with this executor: whose they are, what they hold, and what is to be started.

An executor answers for whole runs: all shares of an allocation are its own, or none is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.executor.domain.record import run_id
from shared import tracing
from shared.contracts.commands.secrets import RegistryLogin
from shared.contracts.job import JobView, LaunchSpec, Share


def shares_of(view: JobView, executor: str) -> tuple[Share, ...]:
    """What the job holds with this executor, by rank; nothing if it has no place, or one elsewhere."""
    allocation = view.state.allocation
    shares = allocation.shares if allocation is not None else ()
    return tuple(sorted((one for one in shares if one.answerer == executor), key=lambda share: share.rank))


@dataclass(frozen=True, kw_only=True)
class Placed:
    """A run, and what each of its ranks holds."""

    view: JobView
    shares: tuple[Share, ...]
    correlation_id: str | None = None

    @property
    def run_id(self) -> str:
        return run_id(self.view.id, self.view.state.attempt)


@dataclass(frozen=True, kw_only=True)
class Assignment(Placed):
    """A run that is to be started."""

    launch: LaunchSpec
    trace: tracing.Span = tracing.NOTHING
    """From here to the run's start."""
    port: int = 0
    """Where the ranks of the run meet."""
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The values of `launch.secrets`, by the variables that get them."""
    login: RegistryLogin | None = field(default=None, repr=False)
    """What its image is pulled with, at the registry `launch.login`."""
