"""A real Docker engine for the tests: the one of `DOCKER_HOST`, or one of their own that they start.

Where nothing is said and this is root on Debian, `make test` installs an engine (`programs.py`) and the first test that
needs it starts it, with folders of its own, for all of the suite; it ends when the last test process has. No image is
pulled: the one that tests run in is made of Debian's own packages, once, and kept in the user's cache.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.programs import found

IMAGE = "jobyard-test/base:1"
"""Debian with Python, as `mmdebstrap` makes it."""
_INCLUDED = "python3,python3-venv,ca-certificates,procps"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jobyard-tests" / "docker"
_START_S = 60.0
_MAKE_S = 900.0


@cache
def engine() -> str:
    """Where the engine is, `unix:///...`, with the image in it. Skips the test where there can be none."""
    host = os.environ.get("DOCKER_HOST") or _own()
    with _alone("image"):
        if _docker(host, "image", "inspect", IMAGE).returncode != 0:
            made = _docker(host, "import", "-c", 'CMD ["python3"]', str(_base()), IMAGE)
            assert made.returncode == 0, made.stderr
    return host


def docker(*arguments: str) -> str:
    """What the command line says of the tests' engine."""
    done = _docker(engine(), *arguments)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def _own() -> str:
    """An engine that this suite has started, or starts now. It outlives each test process, and is ended by `end`."""
    missing = [program for program in ("dockerd", "docker", "iptables") if found(program) is None]
    if missing or os.geteuid() != 0:
        pytest.skip("a Docker engine is needed: set DOCKER_HOST, or install docker.io and run the tests as root")
    socket = _CACHE / "docker.sock"
    host = f"unix://{socket}"
    with _alone("engine"):
        if not _answers(host):
            _start(socket)
            deadline = time.monotonic() + _START_S
            while not _answers(host):
                assert time.monotonic() < deadline, f"no engine: {(_CACHE / 'dockerd.log').read_text()[-2000:]}"
                time.sleep(0.1)
    return host


def _start(socket: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        (_CACHE / "docker.pid").unlink()
    arguments = [
        found("dockerd") or "dockerd",
        f"--data-root={_CACHE / 'root'}",
        f"--exec-root={_CACHE / 'exec'}",
        f"--pidfile={_CACHE / 'docker.pid'}",
        f"--host=unix://{socket}",
        "--default-ulimit=nofile=4096:4096",
        "--log-level=warn",
    ]
    with (_CACHE / "dockerd.log").open("w") as log:
        subprocess.Popen(arguments, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)


def end() -> None:
    """End the engine that tests have started, if there is one."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
        os.kill(int((_CACHE / "docker.pid").read_text()), signal.SIGTERM)


def _base() -> Path:
    """The image's file system, made of Debian's packages as this machine gets them. Takes a minute or two, once."""
    made = _CACHE / "base.tar"
    if not made.exists():
        if found("mmdebstrap") is None:
            pytest.skip("the image for tests in containers is made with mmdebstrap; install it")
        sources = [str(path) for path in sorted(Path("/etc/apt/sources.list.d").glob("debian.sources"))]
        sources = sources or ["/etc/apt/sources.list"]
        draft = made.with_name(f"base-{os.getpid()}.tar")
        command = ["mmdebstrap", "--variant=minbase", f"--include={_INCLUDED}", "bookworm", str(draft), *sources]
        subprocess.run(command, check=True, capture_output=True, timeout=_MAKE_S)
        draft.rename(made)
    return made


def _answers(host: str) -> bool:
    return _docker(host, "version").returncode == 0


def _docker(host: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("docker")
    if program is None:
        pytest.skip("the docker command is needed; install docker.io")
    return subprocess.run(
        [program, "--host", host, *arguments], capture_output=True, text=True, check=False, timeout=_MAKE_S
    )


@contextlib.contextmanager
def _alone(what: str) -> Iterator[None]:
    """Among the processes that run tests at the same time."""
    _CACHE.mkdir(parents=True, exist_ok=True)
    with (_CACHE / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
