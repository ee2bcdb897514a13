"""Makes a control group for each run before its launch, in this node's part of the machine's groups, and removes it.

The part is a group inside the executor's own (or the one that systemd has delegated to its service). Where none may be
made, runs go without: each family then is counted the other way, and nothing else changes. Everything here blocks.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import structlog

from services.executor.backends.process import linux
from services.executor.backends.process.usage.group import Group
from services.executor.backends.process.usage.hierarchies import Hierarchy, hierarchies
from services.executor.backends.process.usage.removal import removed
from services.executor.backends.process.usage.traffic import Counters

log = structlog.get_logger()

_CPU = frozenset({"cpuacct"})
_MEMORY = frozenset({"memory"})
_DELEGATED = ("user.delegate", "trusted.delegate")
"""How systemd marks a group whose inside is somebody else's business."""
_LIMITS = {"cgroup.max.depth": "16", "cgroup.max.descendants": "256"}
"""How many groups a run may make inside of its own: enough for containers, and little to clear up. A guard against
accidents: the run's user may lift them, and version 1 has none."""


def mounted() -> tuple[Hierarchy, ...]:
    """The hierarchies of this machine, with this process's own groups."""
    return hierarchies(*(linux.read(f"/proc/self/{name}").decode(errors="replace") for name in ("mountinfo", "cgroup")))


class Groups:
    """The groups of the runs of the executor whose folder `home` is."""

    def __init__(self, home: Path, found: Sequence[Hierarchy]) -> None:
        self.name = f"jobyard-{hashlib.sha256(os.fsencode(home.absolute())).hexdigest()[:12]}"
        self._found = found
        self.parts = Group()
        """This node's part of each hierarchy that is used."""
        self._counters: Counters | None = None

    def open(self) -> None:
        """Find out where groups may be made, and remove what runs have left that ended while nobody looked."""
        unified = self._part(frozenset())
        self.parts = Group(
            unified,
            None if unified is not None else self._part(_CPU),
            None if unified is not None and _offers_memory(unified) else self._part(_MEMORY),
        )
        if unified is not None:
            try:
                self._counters = Counters()
            except OSError as error:
                log.info("network_not_counted", reason=str(error))
        log.info("groups_found", **self.parts.facts)
        self.sweep()

    def close(self) -> None:
        """Leave nothing behind but the groups of runs that live on."""
        if self._counters is not None:
            self._counters.close()
            self._counters = None
        for part in self.parts.facts.values():
            with contextlib.suppress(OSError):
                os.rmdir(part)

    def make(self, run_ids: Iterable[str]) -> dict[str, Group]:
        """A run that has its groups already keeps them."""
        return {run_id: Group(*(self._made(part, run_id) for part in self.parts)) for run_id in run_ids}

    def remove(self, run_ids: Iterable[str]) -> set[str]:
        """Remove the groups of these runs; of which some are left: something lives in them, or the log says why."""
        left = set()
        for run_id in run_ids:
            for part in self.parts.facts.values():
                try:
                    if not removed(f"{part}/{run_id}"):
                        left.add(run_id)
                except OSError as error:
                    log.warning("group_not_removed", run_id=run_id, reason=str(error))
                    left.add(run_id)
        return left

    def sweep(self) -> set[str]:
        """Remove the groups of all runs in which nothing lives any more; the runs whose groups are left."""
        return self.remove({name for part in self.parts.facts.values() for name in _inside(part)})

    def _part(self, controllers: frozenset[str]) -> str | None:
        """This node's part of the hierarchy with these controllers (none: of the unified one), made if need be."""
        for each in self._found:
            if each.unified == (not controllers) and controllers <= each.controllers:
                place = each.folder
                if each.unified:
                    place = _delegated(place)
                    _offers_memory(place)
                with contextlib.suppress(OSError):
                    part = f"{place}/{self.name}"
                    os.makedirs(part, exist_ok=True)
                    return part
        return None

    def _made(self, part: str | None, run_id: str) -> str | None:
        if part is None:
            return None
        folder = f"{part}/{run_id}"
        try:
            os.mkdir(folder)
        except FileExistsError:
            return folder
        except OSError as error:
            log.warning("group_not_made", run_id=run_id, reason=str(error))
            return None
        if part == self.parts.unified:
            _limit(folder)
        if part == self.parts.unified and self._counters is not None:
            try:
                self._counters.attach(folder)
            except OSError as error:
                log.info("network_not_counted", run_id=run_id, reason=str(error))
        return folder


def _delegated(folder: str) -> str:
    """The group above, if systemd has delegated that and put the service into a group inside of it."""
    above = os.path.dirname(folder)
    for name in _DELEGATED:
        with contextlib.suppress(OSError):
            if os.getxattr(above, name) == b"1":
                return above
    return folder


def _offers_memory(folder: str) -> bool:
    """Whether groups inside of this one count memory; nobody may be in it itself, or it cannot be asked to."""
    try:
        Path(folder, "cgroup.subtree_control").write_text("+memory")
    except OSError:
        return False
    return True


def _limit(folder: str) -> None:
    for name, most in _LIMITS.items():
        with contextlib.suppress(OSError):  # an older kernel
            file = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.write(file, most.encode())
            finally:
                os.close(file)


def _inside(folder: str) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []
