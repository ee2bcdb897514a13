"""A run's files on the machine, as `marks` of the backend `process` has them, and two that only this backend has.

    <run id>.run, .output, .ways/   made before the container, which they are mounted into one by one: the run can write
                                    in them, and never put something else in their place
    <run id>.stop                   the platform has asked for the end
    <run id>.begun                  its order has been handed over: what is gone from now on is lost, and never waits
    <run id>.refused                why it was not started

All of them are this backend's own but the first three, in which whatever stands is what a run may have written there.
"""

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from services.executor.backends.docker.containers import User
from services.executor.backends.ownership import give
from services.executor.backends.process import marks
from services.executor.backends.protocol import Folders
from services.executor.domain.observation import Refused

BEGUN = ".begun"
REFUSED = ".refused"
_REFUSED = TypeAdapter(Refused)
_MOST = 65_536
"""A longer `.run` was written by somebody else than a supervisor."""


@dataclass(frozen=True)
class Marks:
    """What the files say of a run."""

    made: bool = False
    asked: bool = False
    begun: bool = False
    start: marks.Facts | None = None
    end: marks.Facts | None = None
    refused: Refused | None = None


class RunFiles:
    """Of all runs of one backend. Everything blocks, and may raise OSError."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def base(self, run_id: str) -> str:
        return f"{self._folder}/{run_id}"

    def read(self, run_id: str) -> Marks:
        base = self.base(run_id)
        start, end = _claim(base)
        return Marks(
            made=os.path.exists(base + marks.RUN),
            asked=marks.was_asked_to_stop(base),
            begun=os.path.exists(base + BEGUN),
            start=start,
            end=end,
            refused=_refusal(base),
        )

    def make(self, run_id: str, user: User) -> None:
        """Those that the container gets. What an unfinished launch has left stays."""
        base = self.base(run_id)
        for suffix in (marks.RUN, marks.OUTPUT):
            os.close(os.open(base + suffix, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
            give(base + suffix, user.uid, user.gid)
        os.makedirs(base + marks.WAYS, mode=0o700, exist_ok=True)
        give(base + marks.WAYS, user.uid, user.gid)

    def hand_over(self, folders: Folders, user: User) -> None:
        """What the executor has just made for the run becomes its user's; what is somebody else's stays theirs."""
        os.close(os.open(folders.reports, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
        for path in (folders.job, folders.checkpoints, folders.reports):
            if os.lstat(path).st_uid == os.geteuid():
                give(path, user.uid, user.gid)

    def begin(self, run_id: str) -> None:
        _touch(self.base(run_id) + BEGUN)

    def ask_to_stop(self, run_id: str) -> None:
        marks.ask_to_stop(self.base(run_id))

    def bury(self, run_id: str, boot_id: str) -> None:
        """See to it that it never starts."""
        facts = {"pid": "", "boot_id": boot_id, "started_at": str(time.time_ns())}
        file = os.open(self.base(run_id) + marks.RUN, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            marks.conclude(file, facts)
        finally:
            os.close(file)

    def refuse(self, run_id: str, why: Refused) -> None:
        path = Path(self.base(run_id) + REFUSED)
        draft = path.with_name(path.name + ".new")
        draft.write_bytes(_REFUSED.dump_json(why))
        os.replace(draft, path)

    def written(self, run_id: str) -> int:
        """Bytes of output so far."""
        try:
            return os.stat(self.base(run_id) + marks.OUTPUT).st_size
        except FileNotFoundError:
            return 0

    def remove(self, run_id: str) -> None:
        base = self.base(run_id)
        shutil.rmtree(base + marks.WAYS, ignore_errors=True)  # follows no link that the run has put there
        for suffix in (REFUSED, BEGUN):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(base + suffix)
        marks.remove(base)


def _claim(base: str) -> tuple[marks.Facts | None, marks.Facts | None]:
    with contextlib.suppress(FileNotFoundError):
        if os.stat(base + marks.RUN).st_size <= _MOST:
            return marks.read(base)
    return None, None


def _refusal(base: str) -> Refused | None:
    try:
        return _REFUSED.validate_json(Path(base + REFUSED).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _touch(path: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
