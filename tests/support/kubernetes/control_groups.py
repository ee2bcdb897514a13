"""The control group that a node's pods are in, in each hierarchy that this machine has."""

import contextlib
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")


class ControlGroup:
    """`name` is below the root of each hierarchy; a kubelet does not make it."""

    def __init__(self, name: str) -> None:
        self.path = f"/{name}"
        unified = (_ROOT / "cgroup.controllers").exists()
        hierarchies = [_ROOT] if unified else [each for each in _ROOT.iterdir() if each.is_dir()]
        self._folders = [hierarchy / name for hierarchy in hierarchies]

    def make(self) -> None:
        for folder in self._folders:
            folder.mkdir(exist_ok=True)
            for setting in ("cpuset.cpus", "cpuset.mems"):  # empty in a new group, which nothing can be in then
                if (folder / setting).exists() and not (folder / "cgroup.controllers").exists():
                    (folder / setting).write_text((folder.parent / setting).read_text())

    def remove(self) -> None:
        """With the groups in it, as far as nothing is left there."""
        for folder in self._folders:
            for each in sorted(folder.glob("**/"), reverse=True):
                with contextlib.suppress(OSError):
                    each.rmdir()
