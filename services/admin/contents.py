"""What of a data folder is worth keeping, and what is not: the one list that backup, restore and migration share.

Not kept: NATS streams, which jobs' documents outlive; the executor's own records, since after a restore no run of
theirs is here; `storage/` and whole outputs, which are the users' and as large as they like.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from shared.secret_keys import FILE
from shared.store.sqlite.files import SUFFIX

DOCUMENTS = "documents"
LOCAL = frozenset({"executor"})
"""Services whose documents belong to one machine and stay there."""
TELLING = "jobs"
"""Whose documents are everybody's past: copied after all others, so that every job that they speak of is there."""
FOLDERS = ("logs", "mail")
IN_FOLDERS = (".ring", ".json", ".eml")
KEYS = ("admin-password", FILE)


def databases(data: Path) -> dict[str, Path]:
    """The files of documents by their service, the jobs' last."""
    found = {path.stem: path for path in sorted((data / DOCUMENTS).glob(f"*{SUFFIX}")) if path.stem not in LOCAL}
    return dict(sorted(found.items(), key=lambda item: item[0] == TELLING))


def plain_files(data: Path, keys: bool) -> Iterator[PurePosixPath]:
    """All else, as paths within the data folder."""
    for name in KEYS if keys else ():
        if (data / name).is_file():
            yield PurePosixPath(name)
    for folder in FOLDERS:
        for path in sorted((data / folder).rglob("*")):
            if path.suffix in IN_FOLDERS and path.is_file() and not path.is_symlink():
                yield PurePosixPath(path.relative_to(data).as_posix())


def is_known(name: str) -> bool:
    """Whether a backup may hold a file of this name: nothing that would leave the data folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or str(path) != name:
        return False
    if len(path.parts) == 1:
        return name in KEYS
    if path.parts[0] == DOCUMENTS:
        return len(path.parts) == 2 and path.suffix == SUFFIX and path.stem not in LOCAL
    return path.parts[0] in FOLDERS and path.suffix in IN_FOLDERS
