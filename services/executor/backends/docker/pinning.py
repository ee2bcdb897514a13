"""What a container is to find at its places: opened before the engine is asked to mount it, and held until it has.

As long as a thing is held its number is nobody else's, so the supervisor, which is told the numbers, finds this very
thing mounted or starts nothing (`mounted`).
"""

import os
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from services.executor.backends.docker.mounted import Expected
from services.executor.backends.docker.mounts import Mount
from shared import descent


class Pinned:
    """These mounts' sources. Raises Misled for one that is gone, or that only a link leads to."""

    def __init__(self, mounts: Iterable[Mount]) -> None:
        self._files: list[int] = []
        self.expected: list[Expected] = []
        try:
            for mount in mounts:
                file = descent.reached(mount.source)
                self._files.append(file)
                found = os.fstat(file)
                self.expected.append((mount.target, found.st_dev, found.st_ino))
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        while self._files:
            os.close(self._files.pop())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
