"""Ports of the loopback address for what the platform starts by itself.

They lie below the ephemeral range: a client that reconnects to its dead server's port could else end up talking to
itself.
"""

import random
import socket

PORTS = range(20_000, 32_000)


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on now. Raises OSError when there is none."""
    for port in random.sample(PORTS, 200):
        if is_free(port):
            return port
    raise OSError(f"no free port between {PORTS.start} and {PORTS.stop}")


def is_free(port: int) -> bool:
    """Whether one could listen there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
