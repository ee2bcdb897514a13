"""What a backend does for the executor, and what it may say of a run. One contract suite holds every backend to it.

`observe` is the truth, read anew each time; what a backend reports through `Changed` only makes the executor look
sooner. All of it is safe to repeat, also by the next executor process, which finds the same runs again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from services.executor.domain.observation import Observation


@dataclass(frozen=True)
class RunOrder:
    """What to run: everything resolved, nothing left to look up."""

    run_id: str
    argv: tuple[str, ...]
    cwd: Path
    env: dict[str, str] = field(repr=False)
    grace_s: float
    hidden: tuple[str, ...] = field(default=(), repr=False)
    """Never appears in the run's output: `***` stands there instead (see `masking`)."""


Changed = Callable[[str, Observation], None]
"""(run id, what it is now): called in the event loop."""


class Backend(Protocol):
    """Where runs live. Every method may raise OSError when the node itself is out of order (a full disk)."""

    uses_images: bool
    """Whether a run starts in the image that was asked for, or on the host itself."""

    async def open(self, changed: Changed, wrote: Callable[[str], None]) -> None:
        """Begin to report; `wrote` is called with the id of a run that has new output."""

    async def close(self) -> None:
        """Let go of the runs, which live on."""

    async def launch(self, orders: Sequence[RunOrder]) -> None:
        """See that each is started once, however often this is asked for."""

    async def stop(self, run_id: str) -> None:
        """SIGTERM, the run's grace period, SIGKILL; what has not started will not. Returns without waiting."""

    async def observe(self, run_ids: Sequence[str]) -> dict[str, Observation]:
        """What these runs are now; from here on their changes are reported."""

    def output(self, run_id: str) -> Path:
        """The file of frames (see `frames`) that the run's output goes to; it may not exist yet."""

    async def forget(self, run_ids: Sequence[str]) -> None:
        """Remove what is kept of runs that are over."""
