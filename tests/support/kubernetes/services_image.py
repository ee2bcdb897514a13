"""The image of the services for a test cluster, without a Docker engine: what the Dockerfile puts together, as layers.

A small Debian with Python, the packages of `requirements-services.lock`, and this checkout. The packages are kept in
the user's cache under a name that says which they are; the checkout's layer is made anew each time.
"""

import compileall
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tests.support.kubernetes.images import layered
from tests.support.platform import CHECKOUT
from tests.support.root_filesystem import root_filesystem

REPOSITORY, TAG = "jobyard.test/services", "1"
PYTHON = "3.11"
"""Of the root file system."""
_LOCK = CHECKOUT / "requirements-services.lock"
_PACKAGES = "opt/jobyard/packages"
_APP = "opt/jobyard/app"
_SAID = {
    "Entrypoint": ["/usr/bin/python3", "-m"],
    "Cmd": ["services.gateway"],
    "WorkingDir": f"/{_APP}",
    "Env": [
        "PATH=/usr/local/bin:/usr/bin:/bin",
        f"PYTHONPATH=/{_APP}:/{_PACKAGES}",
        "PYTHONDONTWRITEBYTECODE=1",
        "PYTHONUNBUFFERED=1",
    ],
}


def services_image(folder: Path) -> Path:
    """Its archive, in `folder`."""
    layers = [root_filesystem(), _packages(), _checkout(folder / "checkout.tar")]
    return layered(folder / "services.tar", [f"{REPOSITORY}:{TAG}"], layers, _SAID)


def _packages() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "jobyard" / "images"
    kept = cache / f"services-{hashlib.sha256(_LOCK.read_bytes()).hexdigest()[:16]}.tar"
    cache.mkdir(parents=True, exist_ok=True)
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            unfinished = kept.with_suffix(".new.tar")
            with tempfile.TemporaryDirectory() as place:
                _install(Path(place))
                _pack(unfinished, {_PACKAGES: Path(place)})
            unfinished.rename(kept)
    return kept


def _install(place: Path) -> None:
    """As the Dockerfile does, for the Python of the image."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--target", str(place)]
    command += ["--require-hashes", "--only-binary", ":all:", "--python-version", PYTHON, "--requirement", str(_LOCK)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the packages of the services could not be installed:\n{done.stdout}{done.stderr}")


def _checkout(to: Path) -> Path:
    """What the Dockerfile copies; compiled, since a pod cannot write there."""
    with tempfile.TemporaryDirectory() as place:
        app = Path(place)
        for name in ("shared", "services", "jobyard"):
            shutil.copytree(CHECKOUT / name, app / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copytree(CHECKOUT / "console" / "dist", app / "console" / "dist")
        compileall.compile_dir(app, quiet=1, stripdir=place, prependdir=f"/{_APP}")
        _pack(to, {_APP: app})
    return to


def _pack(to: Path, folders: dict[str, Path]) -> None:
    """A layer, all of which is root's and can be read by anybody."""

    def owned(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.uid = member.gid = 0
        member.uname = member.gname = "root"
        member.mode |= 0o555 if member.isdir() else 0o444
        return member

    with tarfile.open(to, "w") as tar:
        for name, folder in folders.items():
            tar.add(folder, name, filter=owned)
