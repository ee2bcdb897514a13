"""Checkpoints of a running script: written whole or not at all, and found again by the next attempt.

import jobyard

start = jobyard.load("state.pkl", default=0)
for epoch in range(start, 30):
    train()
    jobyard.save(epoch + 1, "state.pkl")

A checkpoint is written in a hidden folder beside its place, brought to the disk, and then renamed: whoever looks,
the platform and the next attempt included, finds the one before or the new one, never half of one. Standard library
only, so that importing it costs a training script nothing.
"""

import contextlib
import os
import pickle
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

UNFINISHED = ".unfinished-"
"""The hidden folders that checkpoints are written in; the number behind it is the attempt's."""

LONGEST = 200
TEMPORARY_STARTS = (".", "tmp-", "tmp_")
TEMPORARY_ENDS = (".tmp", ".temp", ".part", ".partial", "~")
"""Names that the platform takes for something unfinished."""


def resuming() -> bool:
    """Whether this is a later attempt of the job: it was paused, preempted or retried before."""
    return os.environ.get("JOBYARD_RESUME") == "1"


def folder() -> Path:
    """Where this job's checkpoints are; `checkpoints` in the present folder when the script is run by hand."""
    path = Path(os.environ.get("JOBYARD_CHECKPOINT_DIR") or "checkpoints")
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextlib.contextmanager
def checkpoint(name: str) -> Iterator[Path]:
    """Write a checkpoint: the block writes a file or a folder at the path it is given, whose name is `name`.

    with jobyard.checkpoint("model.safetensors") as path:
        save_file(tensors, path)

    When the block ends it replaces the checkpoint of that name; when it raises, the old one stays. A folder needs a
    new name each time, `step-500`. Raises ValueError for a name that is none, FileExistsError, FileNotFoundError.
    """
    place = folder()
    final = place / _checked(name)
    if final.is_dir():
        raise FileExistsError(f"{final} is a folder already; give each checkpoint that is a folder a name of its own.")
    _sweep(place)
    workshop = Path(tempfile.mkdtemp(prefix=f"{UNFINISHED}{_attempt()}-", dir=place))
    try:
        path = workshop / name
        yield path
        if not os.path.lexists(path):
            raise FileNotFoundError(f"Nothing was written to {path}; write the checkpoint to the path that is given.")
        _to_disk(path)
        os.replace(path, final)
        _sync(place)
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def save(value: Any, name: str) -> Path:
    """Write a value as a checkpoint: by `torch.save` in a script that uses PyTorch, else by pickle. Its path."""
    torch = sys.modules.get("torch")
    with checkpoint(name) as path:
        if torch is not None:
            torch.save(value, path)
        else:
            with path.open("wb") as file:
                pickle.dump(value, file)
    return folder() / name


def load(name: str, default: Any = None, **options: Any) -> Any:
    """What `save` has written under this name, or `default`. `options` go to `torch.load` (`map_location`, ...).

    Load only what your own jobs have written: pickle, and so torch, runs code that it finds.
    """
    path = folder() / _checked(name)
    if not path.exists():
        return default
    torch = sys.modules.get("torch")
    if torch is not None:
        return torch.load(path, **options)
    with path.open("rb") as file:
        return pickle.load(file, **options)  # noqa: S301  (the job's own file, see above)


def latest() -> Path | None:
    """The checkpoint that was written last, whatever its name; none if there is none."""
    found = [(path.lstat().st_mtime_ns, path.name, path) for path in folder().iterdir() if _is_final(path.name)]
    return max(found)[2] if found else None


def _checked(name: str) -> str:
    plain = name == os.path.basename(name) and "\0" not in name and 0 < len(name) <= LONGEST
    if not plain or not _is_final(name):
        raise ValueError(
            f"{name[:LONGEST]!r} is no name for a checkpoint: it needs a plain file name of at most {LONGEST} "
            f"characters that neither begins with one of {', '.join(TEMPORARY_STARTS)} nor ends with one of "
            f"{', '.join(TEMPORARY_ENDS)}."
        )
    return name


def _is_final(name: str) -> bool:
    lower = name.lower()
    return not lower.startswith(TEMPORARY_STARTS) and not lower.endswith(TEMPORARY_ENDS)


def _attempt() -> int:
    text = os.environ.get("JOBYARD_ATTEMPT", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def _sweep(place: Path) -> None:
    """Remove what earlier attempts left when they were killed in mid-write; attempts never overlap."""
    for path in place.glob(f"{UNFINISHED}*"):
        attempt = path.name.removeprefix(UNFINISHED).partition("-")[0]
        if attempt.isascii() and attempt.isdigit() and int(attempt) < _attempt():
            shutil.rmtree(path, ignore_errors=True)


def _to_disk(path: Path) -> None:
    """Bring a file, or a folder and all that it holds, to the disk."""
    if path.is_dir() and not path.is_symlink():
        for inner in path.iterdir():
            _to_disk(inner)
    if not path.is_symlink():
        _sync(path)


def _sync(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
