"""Whether a folder keeps to itself: what is shown of it by the platform's own process must not lead elsewhere."""

import os
from pathlib import Path

MOST = 100_000
"""Entries that are looked at; a folder with more is not shown."""


class LeadsOut(ValueError):
    """The message is a sentence for the folder's owner."""


def check_enclosed(folder: Path, own: Path) -> None:
    """Raises LeadsOut for a folder with a link that leads out of `own`, at any depth; no link is followed."""
    if not Path(os.path.realpath(folder)).is_relative_to(own):
        raise LeadsOut(f"The folder `{folder.name}` of this job leads out of the job's own. It is not shown.")
    seen = 0
    for at, folders, files in os.walk(folder, followlinks=False):
        for name in (*folders, *files):
            seen += 1
            if seen > MOST:
                raise LeadsOut(f"The folder `{folder.name}` of this job has more than {MOST} entries. It is not shown.")
            entry = Path(at, name)
            if entry.is_symlink() and not Path(os.path.realpath(entry)).is_relative_to(own):
                within = str(entry.relative_to(folder)).encode(errors="replace").decode()
                raise LeadsOut(f"`{folder.name}/{within}` of this job leads out of the job's folder. It is not shown.")
