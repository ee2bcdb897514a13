"""A run's files on the machine, as `marks` of the backend `process` has them, and two that only this backend has.

    <run id>.run, .output, .ways/   made before the container, which they are mounted into one by one: the run can write
                                    in them, and never put something else in their place
    <run id>.stop                   the platform has asked for the end
    <run id>.begun                  its order has been handed over: what is gone from now on is lost, and never waits
    <run id>.buried                 when it was decided that it never starts
    <run id>.refused                why it was not started

All of them are this backend's own but the first three, in which whatever stands is what a run may have written there.
"""

import contextlib
import itertools
import os
import time
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex

from pydantic import TypeAdapter, ValidationError

from services.executor.backends.docker.users import User
from services.executor.backends.ownership import give
from services.executor.backends.process import marks
from services.executor.backends.protocol import Folders
from services.executor.domain.observation import Refused

BEGUN = ".begun"
BURIED = ".buried"
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
    buried_ns: int | None = None
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
            buried_ns=_burial(base),
            refused=_refusal(base),
        )

    def make(self, run_id: str, user: User) -> None:
        """Those that the container gets. What an unfinished launch has left stays."""
        base = self.base(run_id)
        for suffix in (marks.RUN, marks.OUTPUT):
            _touch(Path(base + suffix))
        os.makedirs(base + marks.WAYS, mode=0o700, exist_ok=True)
        for suffix in (marks.RUN, marks.OUTPUT, marks.WAYS):
            give(base + suffix, user.uid, user.gid)

    def hand_over(self, folders: Folders, user: User) -> None:
        """What the executor has just made for the run becomes its user's; what is somebody else's stays theirs."""
        _touch(folders.reports)
        for path in (folders.job, folders.checkpoints, folders.reports):
            give(path, user.uid, user.gid, folders.table)

    def changed_ns(self, run_id: str) -> int:
        """When somebody last wrote to the claim: of a file's times the one that no user can set."""
        return os.stat(self.base(run_id) + marks.RUN).st_ctime_ns

    def begin(self, run_id: str) -> None:
        _touch(Path(self.base(run_id) + BEGUN))

    def ask_to_stop(self, run_id: str) -> None:
        marks.ask_to_stop(self.base(run_id))

    def bury(self, run_id: str) -> None:
        """See to it that it never starts."""
        _keep(self.base(run_id) + BURIED, str(time.time_ns()).encode())

    def refuse(self, run_id: str, why: Refused) -> None:
        _keep(self.base(run_id) + REFUSED, _REFUSED.dump_json(why))

    def written(self, run_id: str) -> int:
        """Bytes of output so far."""
        try:
            return os.stat(self.base(run_id) + marks.OUTPUT).st_size
        except FileNotFoundError:
            return 0

    def remove(self, run_id: str) -> None:
        """Once its container is gone."""
        base = self.base(run_id)
        _empty(Path(base + marks.WAYS))
        marks.remove(base)
        for suffix in (REFUSED, BEGUN, BURIED):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(base + suffix)


def _claim(base: str) -> tuple[marks.Facts | None, marks.Facts | None]:
    try:
        file = os.open(base + marks.RUN, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return None, None
    try:
        return marks.parsed(os.read(file, _MOST))
    finally:
        os.close(file)


def _burial(base: str) -> int | None:
    try:
        return int(Path(base + BURIED).read_text())
    except FileNotFoundError:
        return None


def _refusal(base: str) -> Refused | None:
    try:
        return _REFUSED.validate_json(Path(base + REFUSED).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _empty(folder: Path) -> None:
    """Whatever a run has put there, however deep: what lies in a folder comes up here before the folder goes."""
    names_here = (f".{token_hex(8)}" for _ in itertools.count())
    with contextlib.suppress(FileNotFoundError):
        while names := os.listdir(folder):
            for path in (folder / name for name in names):
                if path.is_dir() and not path.is_symlink():
                    path.chmod(0o700)
                    for name in os.listdir(path):
                        (path / name).rename(folder / next(names_here))
                    path.rmdir()
                else:
                    path.unlink()


def _keep(path: str, content: bytes) -> None:
    """Whole or not at all."""
    draft = Path(f"{path}.new")
    draft.write_bytes(content)
    draft.replace(path)


def _touch(path: Path) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
