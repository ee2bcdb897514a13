"""Where jobs may read and write: under the installation's `storage/`, and under folders that the operator allows.

A job gets neither the whole storage nor the folder of all jobs' folders, where everybody's files are: a container or a
pod would have all of them. Nor does it get the platform's data folder, or one around it, where it runs apart from the
machine; elsewhere its user could read that anyway, and the data folder lies in the checkout where people work. The
gateway asks before it accepts a job, the executor again before it starts one: links may have changed meanwhile.
"""

import os
from collections.abc import Iterable
from pathlib import Path

JOBS = "jobs"
"""Below the storage: the folders of jobs that name none, each by its id."""


class PathOutside(ValueError):
    """The path leads out of every allowed folder; the message is a sentence for its author."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path


class Roots:
    """The folders that paths of jobs may lie in; relative paths start at `storage`.

    `kept_from`: the platform's data folder, where runs are in containers or pods and get nothing of it.
    """

    def __init__(self, storage: Path, allowed: Iterable[Path] = (), kept_from: Path | None = None) -> None:
        self._storage = os.path.realpath(storage)
        self._shared = (self._storage, os.path.join(self._storage, JOBS))
        self._roots = (self._storage, *(os.path.realpath(root) for root in allowed))
        self._data = os.path.realpath(kept_from) if kept_from is not None else None

    def named(self, path: str) -> Path:
        """The absolute path as it is written, found without touching it. Raises PathOutside."""
        if "\0" in path or ".." in path.split("/"):
            raise PathOutside(path, f"The path {path!r} is not plain; write it without '..' and NUL characters.")
        return Path(self._storage, path)

    def resolve(self, path: str) -> Path:
        """The absolute path with every link followed, whether it exists or not. Raises PathOutside."""
        named = self.named(path)
        try:
            real = os.path.realpath(named)
        except (OSError, UnicodeError) as error:  # a link that nobody may read, as in /proc; no text for a file's name
            raise PathOutside(path, f"The path {path!r} cannot be followed; use one that leads to a folder.") from error
        if not any(_lies_in(real, root) for root in self._roots):
            allowed = ", ".join(self._roots[1:])
            raise PathOutside(
                path,
                f"The path {path!r} lies outside the folders that jobs may use: the storage folder of this "
                f"installation{' and ' + allowed if allowed else ''}. Use a path under one of them.",
            )
        if real in self._shared:
            raise PathOutside(
                path,
                f"The path {path!r} holds everybody's files, which no job gets as a whole. Use a folder in it.",
            )
        if self._data is not None and self._is_the_platforms(real, self._data):
            raise PathOutside(
                path,
                f"The path {path!r} holds the platform's own files, or lies among them, which no job in a container "
                "gets. Use a folder beside them.",
            )
        return Path(real)

    def _is_the_platforms(self, real: str, data: str) -> bool:
        """Whether it is around the storage or the data folder, or in that one and not where jobs may be in it."""
        if _lies_in(self._storage, real) or _lies_in(data, real):
            return True
        inner = (root for root in self._roots if root != data and _lies_in(root, data))
        return _lies_in(real, data) and not any(_lies_in(real, root) for root in inner)


def _lies_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")
