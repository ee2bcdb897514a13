"""Certificates in files, which others replace under way: whom this process trusts, and as whom it shows itself.

A connection is made with what the files say at that moment. A change of them makes a new TLS context, and leaves the
former one as it is: what is open stays open, and who was taken out of a file is not trusted any more. Connections are
kept apart by their contexts, so none that was made before is used for a new request.
"""

import os
import ssl
from collections.abc import Callable, Iterable
from pathlib import Path

import structlog

log = structlog.get_logger()

Stamp = tuple[str, int, int, int, int]


class Certificates:
    """`make` reads `files`, which may come to be others. Raises OSError when they can't be read at the beginning."""

    def __init__(self, make: Callable[[], ssl.SSLContext], files: Callable[[], Iterable[str | Path | None]]) -> None:
        self._make = make
        self._files = files
        self._seen = self._stamps()
        self._context = make()
        self._trouble = ""

    def context(self) -> ssl.SSLContext:
        """The newest that could be read: a certificate whose key has not been written yet counts with that."""
        seen = self._stamps()
        if seen != self._seen:
            try:
                self._context = self._make()
            except OSError as error:
                if str(error) != self._trouble:
                    self._trouble = str(error)
                    log.warning("certificates_unreadable", error=self._trouble)
            else:
                self._seen, self._trouble = seen, ""
                log.info("certificates_read_again")
        return self._context

    def _stamps(self) -> list[Stamp]:
        """By which a file is told from what it was."""
        return [_stamp(str(file)) for file in self._files() if file is not None]


def _stamp(file: str) -> Stamp:
    try:
        found = os.stat(file)
    except OSError:
        return file, 0, 0, 0, 0
    return file, found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns
