"""Files that only their owner can read (mode 0600): passwords and keys. On the disk, whole, when a call returns."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str) -> None:
    """Put the file there, in place of what was there. Raises OSError; then the old one still stands."""
    draft = _draft(path, text)
    draft.replace(path)
    _sync(path.parent)


def create_private(path: Path, text: str) -> bool:
    """Put the file there, if there is none: false, and nothing is changed, when somebody was first. Raises OSError."""
    draft = _draft(path, text)
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    _sync(path.parent)
    return True


def _draft(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
