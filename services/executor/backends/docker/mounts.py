"""The folders that a run's container gets, and nothing else of the machine: pure, from an order to the engine's form.

A folder is at the same path in the container as on the machine; data can only be read. The supervisor's files lie in a
folder of their own.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.executor.backends.protocol import RunOrder


@dataclass(frozen=True)
class Mount:
    """The same path in the container as on the machine, unless `at` says otherwise."""

    source: Path
    writable: bool = True
    at: str | None = None

    @property
    def target(self) -> str:
        return self.at or str(self.source)


def mounts_of(order: RunOrder, base: Path, runtime: Path, here: str) -> list[Mount]:
    """Outer folders before those that lie in them; none twice. `base`: what the run's files begin with."""
    folders = order.folders
    wanted = {folders.job: True, folders.checkpoints: True, folders.work: True, folders.reports: True}
    if folders.data is not None:
        wanted.setdefault(folders.data, False)
    mounts: list[Mount] = []
    for path in sorted(wanted, key=lambda path: len(path.parts)):
        around = next((mount for mount in reversed(mounts) if path.is_relative_to(mount.source)), None)
        if around is None or around.writable != wanted[path]:
            mounts.append(Mount(path, wanted[path]))
    own = [Mount(Path(f"{base}{suffix}"), at=f"{here}/run{suffix}") for suffix in (".run", ".output", ".ways")]
    return [*mounts, *own, Mount(runtime, writable=False, at=f"{here}/runtime")]


def bind_of(mount: Mount) -> dict[str, Any]:
    """As the engine is asked for it."""
    return {
        "Type": "bind",
        "Source": str(mount.source),
        "Target": mount.target,
        "ReadOnly": not mount.writable,
        "BindOptions": {"Propagation": "rprivate"},
    }
