"""Ports for what tests start: none is given twice, since its first user may not listen there yet.

They lie beside the range that the platform itself takes from (`shared/ports.py`), and below the ephemeral ports. Of
those who run the tests side by side (pytest-xdist's workers) each has a share of its own.
"""

import os
import random

from shared.ports import is_free

PORTS = range(12_000, 20_000)


def share(worker: str, workers: int) -> range:
    """The ports of one worker (`gw0`, `gw1`, ...) out of so many; the one that follows a crash has a higher number."""
    size = len(PORTS) // workers
    first = int(worker.removeprefix("gw")) % workers * size
    return PORTS[first : first + size]


_OWN = share(os.environ.get("PYTEST_XDIST_WORKER", "gw0"), int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")))
_UNUSED = random.sample(_OWN, len(_OWN))


def free_ports(count: int) -> int:
    """The first of so many ports in a row, of each of which `free_port` says the same."""
    while len(_UNUSED) >= count:
        first = _UNUSED.pop()
        row = range(first + 1, first + count)
        if all(port in _UNUSED for port in row) and all(is_free(port) for port in (first, *row)):
            for port in row:
                _UNUSED.remove(port)
            return first
    raise RuntimeError("this run of the tests has used up its ports")


def free_port() -> int:
    """A port of the loopback address that nobody listens on, nor was given to by this process."""
    while _UNUSED:
        port = _UNUSED.pop()
        if is_free(port):
            return port
    raise RuntimeError("this run of the tests has used up its ports")
