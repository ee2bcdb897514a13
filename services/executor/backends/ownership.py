"""Files of a run, given to the user that it is: an executor that is somebody else makes them as that."""

import os
import stat
from pathlib import Path


def give(path: str | Path, user: int, group: int) -> None:
    """Only root can; any other executor is that user itself. A link is not followed. Raises OSError."""
    if os.geteuid() == 0:
        os.chown(path, user, group, follow_symlinks=False)


def share(path: str | Path, user: int, group: int) -> None:
    """`give` for an executor that may be neither root nor that user: then the group may write. Raises OSError."""
    if os.geteuid() in (0, user):
        give(path, user, group)
    else:
        os.chown(path, -1, group, follow_symlinks=False)
        os.chmod(path, stat.S_IMODE(os.lstat(path).st_mode) | stat.S_ISGID | stat.S_IRWXG)
