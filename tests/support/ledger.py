"""The oracle of the promises: what a client was told, what jobs really did, and what the platform says of it.

Each job of the load appends `job attempt pid begin|end` to a file outside of the platform. Nothing may be lost or
doubled, whatever was killed meanwhile.
"""

import itertools
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.support.platform import TERMINAL, Platform
from tests.support.waiting import wait_until

LEGAL: dict[str, set[str]] = {
    "submitted": {"scheduled", "paused", "killed", "priority_changed"},
    "scheduled": {"started", "returned", "errored", "pausing", "killing", "retried", "priority_changed"},
    "returned": {"scheduled", "paused", "killed", "priority_changed"},
    "started": {"finished", "failed", "retried", "pausing", "killing", "errored"},
    "pausing": {"pausing", "paused", "preempted", "finished", "failed", "retried", "killing"},
    "paused": {"resumed", "killed", "priority_changed"},
    "resumed": {"scheduled", "paused", "killed", "priority_changed"},
    "preempted": {"scheduled", "paused", "killed", "priority_changed"},
    "retried": {"scheduled", "paused", "killed", "priority_changed"},
    "priority_changed": {"scheduled", "started", "paused", "killed", "resumed", "priority_changed"},
    "killing": {"killed", "failed"},
    "finished": set(),
    "failed": set(),
    "errored": set(),
    "killed": set(),
}


@dataclass
class Ledger:
    """A client that remembers what it was told."""

    yard: Platform
    marks: Path
    acked: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    def command(self, seconds: float) -> str:
        note = f">> {self.marks}; "
        return (
            f'echo "$JOBYARD_JOB_ID $JOBYARD_ATTEMPT $$ begin" {note}echo "line of $JOBYARD_JOB_ID"; '
            f'sleep {seconds}; echo "$JOBYARD_JOB_ID $JOBYARD_ATTEMPT $$ end" {note}'
        )

    def submit(self, seconds: float = 0.2, **fields: Any) -> None:
        """Submit one job; whatever the platform answers is noted."""
        key = f"{self.marks.parent.name}-{len(self.acked)}-{len(self.unknown)}"
        body = {"name": "load", "command": self.command(seconds), "cpus": 0.05, **fields}
        try:
            answer = self.yard.http.post(
                "/api/v1/jobs", json=body, headers=self.yard.headers() | {"Idempotency-Key": key}, timeout=10
            )
        except httpx.HTTPError:
            self.unknown.append(key)
            return
        if answer.status_code == 201:
            self.acked.append(answer.json()["id"])
        else:
            assert answer.status_code in (429, 503), answer.text
            self.unknown.append(key)

    def settle(self, within: float = 60.0) -> None:
        """A: every job that was acknowledged comes to its end."""
        for id in self.acked:
            self.yard.wait(id, *TERMINAL, within=within)

    def check(self, finished: bool = True) -> None:
        """B, C, D and F, over everything that was acknowledged."""
        runs = self._runs()
        for id in self.acked:
            job = self.yard.job(id)
            if finished:
                assert job["status"] == "finished", job
            events = self.yard.call("GET", f"/jobs/{id}/events")["items"]
            assert [event["jobversion"] for event in events] == list(range(1, job["version"] + 1)), id
            facts = self.yard.facts(id)
            assert all(after in LEGAL[before] for before, after in itertools.pairwise(facts)), facts
            assert sum(fact in ("finished", "failed", "errored", "killed") for fact in facts) == 1, facts
            begun = Counter(attempt for attempt, _, what in runs[id] if what == "begin")
            assert all(count == 1 for count in begun.values()), f"{id} started twice: {runs[id]}"
            if finished:
                assert begun[job["attempt"]] == 1, f"{id}: {runs[id]} {facts}"
                assert self.yard.lines(id).count(f"line of {id}") == len(begun), id
        assert len(set(self.acked)) == len(self.acked)
        wait_until(lambda: not self._alive(runs), "no process of a job outlives it", within=20)

    def _runs(self) -> dict[str, list[tuple[int, int, str]]]:
        runs: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
        for line in self.marks.read_text().splitlines() if self.marks.exists() else ():
            id, attempt, pid, what = line.split()
            runs[id].append((int(attempt), int(pid), what))
        return runs

    def _alive(self, runs: dict[str, list[tuple[int, int, str]]]) -> list[str]:
        """Jobs of which a process still lives, told by its environment."""
        alive = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            try:
                found = environ.read_bytes()
            except OSError:
                continue
            alive += [id for id in runs if f"JOBYARD_JOB_ID={id}".encode() in found]
        return alive
