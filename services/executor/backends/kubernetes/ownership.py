"""The folders of a run, given to the user that its pod is: an executor that is root makes them as root."""

import os
from collections.abc import Iterable
from pathlib import Path


def give(paths: Iterable[Path], user: int, group: int) -> None:
    """Only root can; any other executor is meant to be that user itself. Raises OSError."""
    if os.geteuid() == 0:
        for path in paths:
            os.chown(path, user, group, follow_symlinks=False)
