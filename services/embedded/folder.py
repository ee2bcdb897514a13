"""The data folder while a platform runs on it: nobody else does, and clients find its address there."""

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.embedded.saying import say
from shared.private_files import write_private

URL_FILE = "url"
"""In the data folder, where the client looks for it."""


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder. Exits with 1 when another platform does."""
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    data.chmod(0o700)
    with (data / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            say(
                f"Another platform (process {lock.read().strip()}) runs on {data}. Stop it, or choose another --data.",
                to=sys.stderr,
            )
            sys.exit(1)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        os.set_inheritable(lock.fileno(), False)
        yield


@contextmanager
def findable(data: Path, url: str) -> Iterator[None]:
    """Leave the address in the data folder for clients that are started beside it, as long as the platform runs."""
    place = data / URL_FILE
    write_private(place, f"{url}\n")
    try:
        yield
    finally:
        place.unlink(missing_ok=True)
