"""What a backend does for the executor, and what it may say of a run. One contract suite holds every backend to it.

A backend knows ranks alone: what it calls a run is one rank of one, by the id that `rank_id` gives it. What the ranks
of a run come to together is the executor's affair.

`observe` is the truth, read anew each time; what a backend reports through `Changed` only makes the executor look
sooner. All of it but `open` is safe to repeat, also by the next executor process, which finds the same runs again.
"""

import os
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from services.executor.domain.observation import Observation
from services.executor.domain.pulling import Held, Pull
from services.executor.domain.reading import Reading
from shared.contracts.commands.secrets import RegistryLogin
from shared.contracts.errors import Conflict
from shared.contracts.job import Reason
from shared.contracts.streams import Child


class PortTaken(Conflict):
    """Somebody else listens there. `run_id`: of the run it is, if it is one; no sentence of this error names it."""

    def __init__(self, port: int, run_id: str | None, holder: str | None = None) -> None:
        holder = holder or ("another program" if run_id is None else "another job")
        message = f"Port {port} of the node is taken by {holder}. Let the job's program listen on another one."
        super().__init__(message, details={"code": "port_taken", "holder": holder})
        self.run_id = run_id


class AnswersItself(Conflict):
    """The run's node is this executor's own machine, which answers, and so ends its runs itself."""

    def __init__(self) -> None:
        message = (
            "The run is on its executor's own machine, which answers: kill or pause the job instead. Of a machine that "
            "is gone for good the runs are given up by `jobyard admin node forget`."
        )
        super().__init__(message, details={"code": "node_answers"})


@dataclass(frozen=True)
class Folders:
    """Where a run finds and leaves its files: absolute paths on this machine, which exist when the run starts.

    All ranks of a run have the same, but for the file that each of them may report to; the rank makes it.
    """

    job: Path
    checkpoints: Path
    work: Path
    data: Path | None
    reports: Path
    table: Path | None = None
    """Its rank table, which the executor has written into the job's folder."""


@dataclass(frozen=True, kw_only=True)
class RunOrder:
    """One rank of a run: everything resolved, nothing left to look up."""

    run_id: str
    """The rank's own (see `rank_id`)."""
    job_id: str
    attempt: int
    rank: int
    ranks: int
    node: str
    """Where the scheduler has placed this rank."""
    owner: str
    vc: str
    image: str | None
    device_type: str
    devices: tuple[int, ...]
    cpus: float
    memory_mib: int
    folders: Folders
    argv: tuple[str, ...]
    env: dict[str, str] = field(repr=False)
    grace_s: float
    hidden: tuple[str, ...] = field(default=(), repr=False)
    """Never appears in the run's output: `***` stands there instead (see `masking`)."""
    secrets: frozenset[str] = frozenset()
    """The variables that are secrets, also those whose values are too short to be masked."""
    login: RegistryLogin | None = field(default=None, repr=False)
    """What its image is pulled with; the run itself never has it."""

    @property
    def cwd(self) -> Path:
        """Where the command starts."""
        return self.folders.work


@dataclass(frozen=True)
class Execution:
    """A child of a run, and what its caller holds of it: all of it is the caller's to close.

    `control` carries lines of JSON: `{"signal": "INT"}` and `{"stop": true}` to the child, `{"exit": 0, "signal":
    null, "core": false}` when it has ended. A child without a name ends when the last copy of `control` is closed.
    """

    pid: int
    control: socket.socket
    files: dict[str, int]
    """`terminal`, or `stdin`, `stdout` and `stderr`; none of a child with a name."""

    def close(self) -> None:
        self.control.close()
        for file in self.files.values():
            os.close(file)


Changed = Callable[[str, Observation], None]
"""(run id, what it is now): called in the event loop."""


class Backend(Protocol):
    """Where runs live. Every method may raise OSError when the node itself is out of order (a full disk)."""

    uses_images: bool
    """Whether a run starts in the image that was asked for, or on the host itself."""
    reports_beside_job: bool
    """Whether a run reaches no file of this node but in its folders, so that it reports to one in its job's."""

    async def open(self, changed: Changed, wrote: Callable[[str], None]) -> None:
        """Begin to report; `wrote` is called with the id of a run that has new output.

        Raises TemporaryError while what runs live in is away, and WrongSettings.
        The one method that is not to be repeated once it has returned; while it fails, nothing goes on.
        """

    async def stand(self) -> None:
        """Until cancelled: it stays open. Raises WorkEnded when it is of no use any more in this process."""

    async def close(self) -> None:
        """Let go of the runs, which live on."""

    async def launch(self, orders: Sequence[RunOrder]) -> None:
        """See that each is started once, however often this is asked for."""

    async def stop(self, run_id: str) -> None:
        """SIGTERM, the run's grace period, SIGKILL; what has not started will not. Returns without waiting."""

    async def force(self, run_ids: Sequence[str], reason: Reason) -> tuple[str, ...]:
        """Give up those whose nodes are gone, as lost for this reason, without waiting for anything; which these are.

        Raises Conflict when every node answers, Unavailable.
        """

    async def observe(self, run_ids: Sequence[str]) -> dict[str, Observation]:
        """What these runs are now; from here on their changes are reported."""

    async def pulls(self, run_ids: Sequence[str]) -> Mapping[str, Pull | Held]:
        """How far the images of those of these runs have come that wait for one, or what else keeps them."""

    async def measure(self, run_ids: Sequence[str]) -> dict[str, Reading]:
        """What those of these runs that live have used so far: one sweep for all of them, and nothing of the others."""

    async def exec(self, run_id: str, child: Child | str) -> Execution:
        """Start a child in the run, or find the one of that name; a bare name starts nothing.

        Raises Conflict whose details name the code: `run_not_running`, `program_missing`, `program_unusable`,
        `child_stopping`, `too_many_children`, `not_started` (the bare name), `supervisor_too_old`.
        Raises Invalid, Unavailable.
        """

    async def dial(self, run_id: str, port: int) -> socket.socket:
        """Connect to a port that a process of the run listens on; to nothing else, nowhere else.

        The socket does not block. Raises Conflict: `run_not_running`, `not_listening`. Raises PortTaken, Invalid.
        """

    def output(self, run_id: str, child: str | None = None) -> Path:
        """The file of frames (see `frames`) that the run's output goes to; it may not exist yet.

        With the name of a child: the end of what that has written, as plain text.
        """

    async def forget(self, run_ids: Sequence[str]) -> None:
        """Remove what is kept of runs that are over. Raises OSError, and may be asked again for what was removed."""

    async def remnants(self) -> Collection[str]:
        """All runs of which something is here, those among them that an executor has left which lost what it knew.

        What another executor, or somebody else, has here is not among them.
        """

    async def clear(self, vc: str, run_ids: Sequence[str]) -> Collection[str]:
        """Of these runs of a virtual cluster, which nobody knows any more, nothing is to be here: what lives is ended
        with its grace period, what is over is removed. Without waiting for either; those of which something is left.
        """
