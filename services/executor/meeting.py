"""Finds the port where the ranks of a run can meet on this machine: nobody listens there, and no other run has it."""

import errno
import socket
from collections.abc import Collection

from services.executor.domain.environment import ports


def meeting_port(run_id: str, ranks: int, taken: Collection[int]) -> int:
    """The run's own port; a run of one rank meets nobody, and is told the first that may be. Touches the network."""
    candidates = ports(run_id)
    first = next(candidates)
    if ranks == 1 or (first not in taken and _is_free(first)):
        return first
    return next((port for port in candidates if port not in taken and _is_free(port)), first)


def _is_free(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as error:
            return error.errno != errno.EADDRINUSE
    return True
