"""Files of a run, given to the user that it is: an executor that is root makes them as root."""

import os
from pathlib import Path


def give(path: str | Path, user: int, group: int) -> None:
    """Only root can; any other executor is that user itself. A link is not followed. Raises OSError."""
    if os.geteuid() == 0:
        os.chown(path, user, group, follow_symlinks=False)
