"""A job that uses a known amount of everything, in a tree of processes that come and go, and says how much it was."""

import json
from dataclasses import dataclass
from pathlib import Path

MIB = 1 << 20
HELD = 300 * MIB
WRITTEN = 50 * MIB
RECEIVED = 20 * MIB
SHORT_LIVED = 200
"""Processes, 100 a second."""

PROGRAM = f"""
import hashlib, json, os, resource, socket, subprocess, sys, time

held = bytearray(os.urandom(1 << 20)) * {HELD >> 20}

def burn(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        hashlib.sha256(held[:65536]).digest()

def write():
    with open("written", "wb") as file:
        for _ in range({WRITTEN >> 20}):
            file.write(os.urandom(1 << 20))
        file.flush()
        os.fsync(file.fileno())

def send(port):
    with socket.create_connection(("127.0.0.1", port)) as to:
        for _ in range({RECEIVED >> 20}):
            to.sendall(bytes(1 << 20))

def child(work, *given):
    pid = os.fork()
    if pid == 0:
        work(*given)
        os._exit(0)
    return pid

def come_and_go():
    for _ in range({SHORT_LIVED}):
        due = time.monotonic() + 0.01
        os.waitpid(child(burn, 0.003), 0)
        time.sleep(max(0, due - time.monotonic()))

if os.fork() == 0:  # a daemon: in a session of its own, and nobody's child but the supervisor's
    os.setsid()
    if os.fork() == 0:
        burn(0.5)
        open("daemon", "w").write(json.dumps(time.process_time()))
        while not os.path.exists("go"):
            time.sleep(0.05)
    os._exit(0)
os.wait()

server = socket.create_server(("127.0.0.1", 0))
workers = [child(write), child(send, server.getsockname()[1]), child(come_and_go)]
burn(1.5)
connection, _ = server.accept()
while connection.recv(1 << 20):
    pass
for worker in workers:
    os.waitpid(worker, 0)
while not os.path.exists("daemon"):
    time.sleep(0.05)
own, reaped = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = own.ru_utime + own.ru_stime + reaped.ru_utime + reaped.ru_stime + json.load(open("daemon"))
with open("used.tmp", "w") as file:
    json.dump({{"cpu_ns": int(cpu * 1e9)}}, file)
os.rename("used.tmp", "used")
while not os.path.exists("go"):
    time.sleep(0.05)
"""


@dataclass(frozen=True)
class BusyJob:
    """The job in its folder. It has done its work once `used` is known, holds its memory, and waits for `go`."""

    folder: Path

    @property
    def argv(self) -> tuple[str, ...]:
        path = self.folder / "busy.py"
        path.write_text(PROGRAM)
        return ("/usr/bin/env", "python3", str(path))

    @property
    def cpu_ns(self) -> int | None:
        """Processor time by its own account; none while it works."""
        path = self.folder / "used"
        return int(json.loads(path.read_text())["cpu_ns"]) if path.exists() else None
