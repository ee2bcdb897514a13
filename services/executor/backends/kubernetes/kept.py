"""What this backend keeps of a run on its own disk, beside the output: order, start, rank table, stop, end.

The cluster forgets a pod when it is deleted; these files do not. Each is written whole, once, before what it speaks of
is asked of the cluster, so a kill of this process leaves either nothing or a word that the next one goes on from.
"""

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from services.executor.domain.observation import Cancelled, Ended, Lost, Observation, Refused
from shared.contracts.job import Reason

ORDER = ".order"
START = ".start"
TABLE = ".table"
STOP = ".stop"
END = ".end"
LEAVING = ".leaving"
OUTPUT = ".output"
_ENDS = {kind.__name__: kind for kind in (Ended, Cancelled, Lost, Refused)}


class Kept:
    """The files `<folder>/<run id>.*`. All but `namespace` touches the disk, and raises OSError when that is full."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._namespaces: dict[str, str] = {}
        self.folders: dict[str, dict[str, bool]] = {}
        """Of runs that have not ended: what each has mounted, and whether it can only read there."""

    def open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        for file in self._folder.glob(f"*{ORDER}"):
            run_id = file.name.removesuffix(ORDER)
            order = self.order(run_id)
            if order is not None:
                self._remember(run_id, order)

    def path(self, run_id: str, suffix: str) -> Path:
        return self._folder / f"{run_id}{suffix}"

    def keep_order(self, run_id: str, facts: dict[str, Any]) -> None:
        """What is needed to find the pod again, or to bury its name."""
        self._write(run_id, ORDER, facts)
        self._remember(run_id, facts)

    def namespace(self, run_id: str) -> str | None:
        """Where it was ordered; None: it was not, or is forgotten. Touches no disk."""
        return self._namespaces.get(run_id)

    def order(self, run_id: str) -> dict[str, Any] | None:
        return self._read(run_id, ORDER)

    def keep_start(self, run_id: str, started_ns: int) -> None:
        """From here on a run whose pod is not there is lost, and is not started."""
        if not self.has_started(run_id):
            self._write(run_id, START, {"started_ns": started_ns})

    def has_started(self, run_id: str) -> bool:
        return self.path(run_id, START).exists()

    def keep_table(self, run_id: str) -> None:
        """The run's rank table is written, and is its job's from here on."""
        self._write(run_id, TABLE, {})

    def has_table(self, run_id: str) -> bool:
        return self.path(run_id, TABLE).exists()

    def ask_to_stop(self, run_id: str, facts: dict[str, Any]) -> None:
        """The first word counts."""
        if self.stop_of(run_id) is None:
            self._write(run_id, STOP, facts)

    def stop_of(self, run_id: str) -> dict[str, Any] | None:
        return self._read(run_id, STOP)

    def conclude(self, run_id: str, end: Observation) -> None:
        self._write(run_id, END, {"kind": type(end).__name__, **asdict(end), "reason": _said(end)})
        self.folders.pop(run_id, None)

    def end(self, run_id: str) -> Observation | None:
        facts = self._read(run_id, END)
        if facts is None:
            return None
        kind = _ENDS[facts.pop("kind")]
        reason = facts.pop("reason")
        if reason is not None:
            facts["reason"] = Reason.model_validate(reason)
        end: Observation = kind(**facts)
        return end

    def unfinished(self) -> list[str]:
        """Runs that were told to stop and have not ended."""
        stopped = {file.name.removesuffix(STOP) for file in self._folder.glob(f"*{STOP}")}
        return [run_id for run_id in stopped if not self.path(run_id, END).exists()]

    def let_go(self, run_ids: Iterable[str]) -> None:
        """They are to be forgotten, once nothing of them is in the cluster."""
        for run_id in run_ids:
            self.path(run_id, LEAVING).touch()

    def leaving(self) -> list[str]:
        """Runs that are to be forgotten and are not yet."""
        return [file.name.removesuffix(LEAVING) for file in self._folder.glob(f"*{LEAVING}")]

    def forget(self, run_ids: Iterable[str]) -> None:
        for run_id in run_ids:
            self._namespaces.pop(run_id, None)
            self.folders.pop(run_id, None)
            for file in self._folder.glob(f"{run_id}.*"):
                shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)

    def _remember(self, run_id: str, order: dict[str, Any]) -> None:
        self._namespaces[run_id] = order["namespace"]
        if not self.path(run_id, END).exists():
            self.folders[run_id] = order.get("folders", {})

    def _write(self, run_id: str, suffix: str, facts: dict[str, Any]) -> None:
        path = self.path(run_id, suffix)
        temporary = path.with_name(path.name + ".new")
        with temporary.open("w") as file:
            json.dump(facts, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)

    def _read(self, run_id: str, suffix: str) -> dict[str, Any] | None:
        try:
            facts: dict[str, Any] = json.loads(self.path(run_id, suffix).read_text())
        except FileNotFoundError:
            return None
        return facts


def _said(end: Observation) -> Any:
    reason = getattr(end, "reason", None)
    return None if reason is None else reason.model_dump(mode="json")
