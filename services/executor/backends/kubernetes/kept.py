"""What this backend keeps of a run on its own disk beside the output: order, that it goes without a shell, start,
meeting, rank table, stop, end.

The cluster forgets a pod when it is deleted; these files do not. Each is written whole, once, before what it speaks of
is asked of the cluster, so a kill of this process leaves either nothing or a word that the next one goes on from.

Nobody else writes here, so which words there are is read once and remembered: of ten thousand runs that live, each is
looked at every few seconds, and no such look touches the disk.
"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from services.executor.backends.kubernetes.ways import FOLDER as WAYS
from services.executor.domain.observation import Cancelled, Ended, Lost, Observation, Refused
from services.executor.shipment import POSITION
from shared.contracts.job import Reason

ORDER = ".order"
DIRECT = ".direct"
START = ".start"
MEETING = ".meeting"
TABLE = ".table"
STOP = ".stop"
END = ".end"
LEAVING = ".leaving"
OUTPUT = ".output"
NEW = ".new"
_REMEMBERED = (DIRECT, START, MEETING, TABLE, STOP, END, LEAVING)
_FILES = (ORDER, DIRECT, START, MEETING, TABLE, STOP, END, OUTPUT, POSITION)
"""Of a run, beside its folder; each may have been left half written. `.leaving` goes last: it says that they all go."""
_ENDS = {kind.__name__: kind for kind in (Ended, Cancelled, Lost, Refused)}


class Kept:
    """The files `<folder>/<run id>.*`. What reads or writes one raises OSError, as when the disk is full.

    The questions that are answered with yes or no, the lists, and `namespace` touch no disk.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._runs: dict[str, set[str]] = {suffix: set() for suffix in _REMEMBERED}
        self._namespaces: dict[str, str] = {}
        self.folders: dict[str, dict[str, bool]] = {}
        """Of runs that have not ended: what each has mounted, and whether it can only read there."""

    def open(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        names = os.listdir(self._folder)
        for suffix, runs in self._runs.items():
            runs.update(name.removesuffix(suffix) for name in names if name.endswith(suffix))
        for run_id in (name.removesuffix(ORDER) for name in names if name.endswith(ORDER)):
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

    def ordered(self) -> list[str]:
        """Runs that were ordered and are not to be forgotten."""
        return [run_id for run_id in self._namespaces if run_id not in self._runs[LEAVING]]

    def order(self, run_id: str) -> dict[str, Any] | None:
        return self._read(run_id, ORDER)

    def keep_direct(self, run_id: str, uid: str) -> None:
        """Its image has no shell. The pod with this uid, which has found that out, is to go; the next needs none."""
        self._write(run_id, DIRECT, {"uid": uid})

    def is_direct(self, run_id: str) -> bool:
        return run_id in self._runs[DIRECT]

    def useless(self, run_id: str) -> str | None:
        """The uid of the pod that is to go."""
        facts = self._read(run_id, DIRECT)
        return None if facts is None else str(facts["uid"])

    def keep_start(self, run_id: str, started_ns: int) -> None:
        """From here on a run whose pod is not there is lost, and is not started."""
        if not self.has_started(run_id):
            self._write(run_id, START, {"started_ns": started_ns})

    def has_started(self, run_id: str) -> bool:
        return run_id in self._runs[START]

    def keep_meeting(self, run_id: str, address: str) -> None:
        """All ranks of the run were there and are told this, so that their command may have started."""
        self._write(run_id, MEETING, {"address": address})

    def has_met(self, run_id: str) -> bool:
        return run_id in self._runs[MEETING]

    def meeting(self, run_id: str) -> str | None:
        """Where the ranks of the run meet; None: they were not told yet, or there is one alone."""
        facts = self._read(run_id, MEETING)
        return None if facts is None else str(facts["address"])

    def keep_table(self, run_id: str) -> None:
        """The run's rank table is written, and is its job's from here on."""
        self._write(run_id, TABLE, {})

    def has_table(self, run_id: str) -> bool:
        return run_id in self._runs[TABLE]

    def ask_to_stop(self, run_id: str, facts: dict[str, Any]) -> None:
        """The first word counts."""
        if not self.is_to_stop(run_id):
            self._write(run_id, STOP, facts)

    def is_to_stop(self, run_id: str) -> bool:
        return run_id in self._runs[STOP]

    def stop_of(self, run_id: str) -> dict[str, Any] | None:
        return self._read(run_id, STOP)

    def conclude(self, run_id: str, end: Observation) -> None:
        self._write(run_id, END, {"kind": type(end).__name__, **asdict(end), "reason": _said(end)})
        self.folders.pop(run_id, None)

    def has_ended(self, run_id: str) -> bool:
        return run_id in self._runs[END]

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

    def running(self) -> set[str]:
        """Runs that have started and not ended."""
        return self._runs[START] - self._runs[END]

    def unfinished(self) -> list[str]:
        """Runs that were told to stop and have not ended."""
        return list(self._runs[STOP] - self._runs[END])

    def let_go(self, run_ids: Iterable[str]) -> None:
        """They are to be forgotten, once nothing of them is in the cluster."""
        for run_id in run_ids:
            self.path(run_id, LEAVING).touch()
            self._runs[LEAVING].add(run_id)

    def leaving(self) -> list[str]:
        """Runs that are to be forgotten and are not yet."""
        return list(self._runs[LEAVING])

    def forget(self, run_ids: Iterable[str]) -> None:
        """Nobody finds a run any more that seems not to have ended: that it was ordered goes first."""
        for run_id in run_ids:
            self._namespaces.pop(run_id, None)
            with contextlib.suppress(FileNotFoundError):
                shutil.rmtree(self.path(run_id, WAYS))
            for suffix in (*_FILES, *(suffix + NEW for suffix in _FILES), NEW, LEAVING):
                self.path(run_id, suffix).unlink(missing_ok=True)
            for runs in self._runs.values():
                runs.discard(run_id)
            self.folders.pop(run_id, None)

    def _remember(self, run_id: str, order: dict[str, Any]) -> None:
        self._namespaces[run_id] = order["namespace"]
        if not self.has_ended(run_id):
            self.folders[run_id] = order.get("folders", {})

    def _write(self, run_id: str, suffix: str, facts: dict[str, Any]) -> None:
        path = self.path(run_id, suffix)
        temporary = path.with_name(path.name + NEW)
        with temporary.open("w") as file:
            json.dump(facts, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(path)
        if suffix in self._runs:
            self._runs[suffix].add(run_id)

    def _read(self, run_id: str, suffix: str) -> dict[str, Any] | None:
        if suffix in self._runs and run_id not in self._runs[suffix]:
            return None
        try:
            facts: dict[str, Any] = json.loads(self.path(run_id, suffix).read_text())
        except FileNotFoundError:
            return None
        return facts


def _said(end: Observation) -> Any:
    reason = getattr(end, "reason", None)
    return None if reason is None else reason.model_dump(mode="json")
