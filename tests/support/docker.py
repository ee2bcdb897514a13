"""A real Docker engine for the tests: the one of `DOCKER_HOST`, or one of their own that they start.

Where nothing is said and this is root on Debian, `make test` installs an engine (`programs.py`) and the first test that
needs it starts it, with folders of its own, for all of the suite; it ends when the last test process has. No image is
pulled: the one that tests run in is made of Debian's own packages, once, and kept in the user's cache.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.platform import CHECKOUT
from tests.support.programs import found

IMAGE = "jobyard-test/base:1"
"""Debian with Python, as `mmdebstrap` makes it."""
_INCLUDED = "python3,python3-venv,ca-certificates,procps"
_PYTHON_IMAGE = f"""
FROM {IMAGE}
COPY certificates /etc/ssl/certs/ca-certificates.crt
COPY pip.conf /etc/pip.conf
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt PIP_DEFAULT_TIMEOUT=180
RUN ln -sf python3 /usr/bin/python
"""
_DATABASE = ("secantusdb", "pymongo", "dnspython", "python-dateutil", "six", "s2sphere", "future", "shapely", "numpy")
_DATABASE_IMAGE = """
FROM %(base)s
COPY requirements.txt /
RUN python3 -m venv /opt/database && /opt/database/bin/pip install --no-deps --require-hashes -r /requirements.txt
ENV PATH=/opt/database/bin:$PATH
RUN mkdir -p /data/db
"""
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


@cache
def python_image() -> str:
    """What the Dockerfile is built from: Python, and the way to the package index as this machine has it."""
    name = "jobyard-test/python:1"
    with tempfile.TemporaryDirectory() as folder, _alone("python"):
        context = Path(folder)
        (context / "Dockerfile").write_text(_PYTHON_IMAGE)
        certificates = Path("/etc/ssl/certs/ca-certificates.crt")
        (context / "certificates").write_bytes(certificates.read_bytes() if certificates.exists() else b"")
        configuration = Path("/etc/pip.conf")
        (context / "pip.conf").write_text(configuration.read_text() if configuration.exists() else "")
        build(name, context)
    return name


@cache
def platform_image() -> str:
    """The image of the Dockerfile, on the tests' own base. Minutes at the first time, then what has changed."""
    with _alone("platform"):
        build("jobyard-test/jobyard:1", CHECKOUT, "--build-arg", f"BASE={python_image()}")
    return "jobyard-test/jobyard:1"


@cache
def wire_database_image() -> str:
    """MongoDB's protocol from PyPI, in a container, as the lock of the tests has it."""
    name = "jobyard-test/wire-database:1"
    with tempfile.TemporaryDirectory() as folder, _alone("database"):
        context = Path(folder)
        locks = "\n".join((CHECKOUT / f"requirements{part}.lock").read_text() for part in ("", "-dev"))
        wanted = [part for part in re.split(r"\n(?=\S)", locks) if part.partition("==")[0] in _DATABASE]
        (context / "requirements.txt").write_text("\n".join(wanted) + "\n")
        (context / "Dockerfile").write_text(_DATABASE_IMAGE % {"base": python_image()})
        build(name, context)
    return name


def build(name: str, context: Path, *arguments: str) -> None:
    """With this machine's own network. The builder of before BuildKit: it asks nobody for a frontend."""
    command = [shutil.which("docker") or "docker", "--host", engine(), "build", "--network", "host", "--tag", name]
    done = subprocess.run(
        [*command, *arguments, str(context)],
        env=os.environ | {"DOCKER_BUILDKIT": "0"},
        capture_output=True,
        text=True,
        check=False,
        timeout=_MAKE_S,
    )
    assert done.returncode == 0, f"{name}: {done.stdout[-3000:]}{done.stderr[-3000:]}"


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
