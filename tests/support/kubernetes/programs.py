"""The programs of a real Kubernetes, for tests: found on the PATH, or built once from Go modules and kept.

Nobody offers them as packages, so they are built from the sources of the Go module proxy, whose sums stand beside each
`go.mod` in `programs/`. What was built lies in the user's cache folder under a name that says of which sources, so a
new version is another name, and workers that want the same program at once build it once. They are built without
optimisation, which takes half the time and is fast enough for tests; who measures sets JOBYARD_TEST_OPTIMISED.

    python -m tests.support.kubernetes.programs     builds all of them, and says how far it is
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCES = Path(__file__).parent / "programs"
OPTIMISED = bool(os.environ.get("JOBYARD_TEST_OPTIMISED"))


@dataclass(frozen=True)
class Source:
    """Where a program comes from: the folder of its `go.mod`, and its package."""

    module: str
    package: str


def _kubernetes(name: str) -> Source:
    return Source("kubernetes", f"k8s.io/kubernetes/cmd/{name}")


def _containerd(name: str) -> Source:
    return Source("containerd", f"github.com/containerd/containerd/v2/cmd/{name}")


PROGRAMS = {
    "etcd": Source("etcd", "go.etcd.io/etcd/server/v3"),
    "kube-apiserver": _kubernetes("kube-apiserver"),
    "kube-controller-manager": _kubernetes("kube-controller-manager"),
    "kube-scheduler": _kubernetes("kube-scheduler"),
    "kubelet": _kubernetes("kubelet"),
    "kubectl": _kubernetes("kubectl"),
    "containerd": _containerd("containerd"),
    "containerd-shim-runc-v2": _containerd("containerd-shim-runc-v2"),
    "ctr": _containerd("ctr"),
    "kwok": Source("kwok", "sigs.k8s.io/kwok/cmd/kwok"),
    "helm": Source("helm", "helm.sh/helm/v4/cmd/helm"),
}
OF_THE_SYSTEM = ("containerd", "containerd-shim-runc-v2", "ctr")
"""Those of the distribution are taken to be too old: a kubelet of today wants containerd 2."""


def program(name: str) -> Path:
    """Where the program is; it is built if need be. Raises RuntimeError when that fails."""
    found = None if name in OF_THE_SYSTEM else shutil.which(name)
    if found:
        return Path(found)
    kept = _folder(PROGRAMS[name]) / name
    if not kept.exists():
        _build(name, kept)
    return kept


def needs_programs(*names: str) -> None:
    """Skip what is being collected or run where one of them neither is nor can be built."""
    missing = [name for name in names if not _there(name)]
    if missing and shutil.which("go") is None:
        pytest.skip(f"{', '.join(missing)} not found, nor Go 1.26 to build them with", allow_module_level=True)


def _there(name: str) -> bool:
    on_path = name not in OF_THE_SYSTEM and shutil.which(name) is not None
    return on_path or (_folder(PROGRAMS[name]) / name).exists()


def _folder(source: Source) -> Path:
    """In the user's cache, named by what is built there, and how."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    sums = b"".join((SOURCES / source.module / file).read_bytes() for file in ("go.mod", "go.sum"))
    how = "" if OPTIMISED else "-quick"
    return cache / "jobyard" / "programs" / f"{source.module}-{hashlib.sha256(sums).hexdigest()[:16]}{how}"


def _build(name: str, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    with (kept.parent / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if kept.exists():  # another worker has built it meanwhile
            return
        _say(f"Building {name} ... the first time this takes minutes.")
        began = time.monotonic()
        unfinished = kept.with_suffix(".new")
        quickly = () if OPTIMISED else ("-gcflags=all=-N -l",)
        target = ("-o", unfinished, PROGRAMS[name].package)
        done = subprocess.run(
            ["go", "build", "-trimpath", *quickly, "-ldflags", _flags(PROGRAMS[name]), *target],
            cwd=SOURCES / PROGRAMS[name].module,
            env=os.environ | {"CGO_ENABLED": "0", "GOFLAGS": "-mod=readonly -buildvcs=false"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{name} could not be built:\n{done.stdout}")
        unfinished.rename(kept)
        _say(f"Built {name} in {time.monotonic() - began:.0f} s.")


def _flags(source: Source) -> str:
    """A kubelet tells its version to the API server, which does not take every one."""
    stamp = f" -X k8s.io/component-base/version.gitVersion={_version(source)}" if source.module == "kubernetes" else ""
    return f"-s -w{stamp}"


def _version(source: Source) -> str:
    lines = (SOURCES / source.module / "go.mod").read_text().splitlines()
    return next(line.split()[1] for line in lines if line.strip().startswith("k8s.io/kubernetes v"))


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    for each in sys.argv[1:] or PROGRAMS:
        _say(f"{each}: {program(each)}")
