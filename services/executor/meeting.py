"""Finds the port where the ranks of a run can meet on this machine: nobody listens there, and no other run has it."""

import errno
import socket
from collections.abc import Collection

from services.executor.domain.environment import ports


def meeting_port(run_id: str, ranks: int, taken: Collection[int]) -> int:
    """The run's own port; a run of one rank meets nobody, so any that no other run has will do. Touches the network."""
    candidates = tuple(ports(run_id))
    free = (port for port in candidates if port not in taken and (ranks == 1 or _is_free(port)))
    return next(free, candidates[0])


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True
