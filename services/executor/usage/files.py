"""A run's METRICS on the disk: the file that the run reports to, and the sum of its samples.

The sum is for the next executor process. It is written over in place, in one step that a kill cannot halve; a machine
that loses its power loses the run as well. Whatever can not be read was never there: the run itself can write here, so
nothing passes that would not make a sample and a sum.
"""

import os
from collections.abc import Collection
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import AfterValidator, Field, ValidationError

from services.executor.domain.used import MOST, Used
from services.executor.usage.reports import Position
from shared.contracts.base import Contract
from shared.contracts.metrics import REPORTED_NAMES, ReportedName

log = structlog.get_logger()

_TALLY = ".tally"
_REPORTS = ".jsonl"
_LONGEST = 64 << 10
_CAREFUL = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Runs can write here too, and nothing that they leave makes this process wait."""


def _believed(used: Used) -> Used:
    if not used.believable or used.at_ns >= 1 << 63:
        raise ValueError("No run uses so much.")
    return used


_MomentNs = Annotated[int, Field(ge=0, lt=1 << 63)]
"""Nanoseconds since 1970."""


class Tally(Contract):
    """A run up to its last sample; `ended_ns`: it is over."""

    started_ns: _MomentNs
    used: Annotated[Used, AfterValidator(_believed)]
    position: Position = Position()
    reported: Annotated[dict[ReportedName, float], Field(max_length=REPORTED_NAMES)] = Field(default_factory=dict)
    """The last value of each name."""
    not_finite: Annotated[tuple[ReportedName, ...], Field(max_length=REPORTED_NAMES)] = ()
    """Names whose last value was none of these: not finite."""
    dropped: Annotated[int, Field(ge=0, le=MOST)] = 0
    ended_ns: _MomentNs | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """All that the run has reported under."""
        return (*self.reported, *self.not_finite)


class UsageFiles:
    """A folder with up to two files per run. All of it touches the disk: call it in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self._refusing = False

    def open(self, known: Collection[str]) -> None:
        """Make the folder, and remove what runs have left that nobody knows any more."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        left = {name.rpartition(".")[0] for name in os.listdir(self._folder)}
        self.remove(left - set(known))

    def reports(self, run_id: str) -> Path:
        """The file that the run may report to, if it reaches it (see `beside`). The run makes it."""
        return self._folder / (run_id + _REPORTS)

    def load(self, run_id: str) -> Tally | None:
        """What was saved last; none if the run has not been sampled."""
        try:
            line, _, _ = _read(self._tally(run_id)).partition(b"\n")
            return Tally.model_validate_json(line)
        except FileNotFoundError:
            return None
        except (OSError, ValidationError) as error:
            log.warning("usage_unreadable", run_id=run_id, error=str(error))
            return None

    def save(self, run_id: str, tally: Tally) -> None:
        """A disk that takes nothing costs a restart what was not saved, and nobody anything now. It is told once."""
        line = tally.model_dump_json().encode() + b"\n"
        try:
            file = os.open(self._tally(run_id), os.O_WRONLY | os.O_CREAT | _CAREFUL, 0o600)
            try:
                os.pwrite(file, line, 0)
            finally:
                os.close(file)
            self._refusing = False
        except OSError as error:
            if not self._refusing:
                log.warning("usage_not_saved", run_id=run_id, error=str(error))
            self._refusing = True

    def remove(self, run_ids: Collection[str]) -> None:
        for run_id in run_ids:
            for path in (self._tally(run_id), self.reports(run_id)):
                _remove(path)

    def _tally(self, run_id: str) -> Path:
        return self._folder / (run_id + _TALLY)


def beside(job: Path, run_id: str) -> Path:
    """The file that a run may report to where its job's folder is all that it shares with this node."""
    return job / f".jobyard-{run_id}{_REPORTS}"


def _read(path: Path) -> bytes:
    file = os.open(path, os.O_RDONLY | _CAREFUL)
    try:
        return os.read(file, _LONGEST)
    finally:
        os.close(file)


def _remove(path: Path) -> None:
    """Whatever a run has put there, but for a folder, which hurts nobody."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        log.warning("usage_not_removed", path=str(path), error=str(error))
