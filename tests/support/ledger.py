"""The oracle of the promises: what a client was told, what jobs really did, and what the platform says of it.

Each job of the load appends `job attempt pid begin|end nanoseconds devices` to a file outside of the platform. Nothing
may be lost or doubled, whatever was killed meanwhile. The letters are those of the promises' oracle.
"""

import itertools
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from shared.ids import new_id
from tests.support.audit import allocations, audit, check_capacity, owed
from tests.support.platform import TERMINAL, Platform
from tests.support.waiting import wait_until

LEGAL: dict[str, set[str]] = {
    "submitted": {"scheduled", "paused", "killed", "priority_changed"},
    "scheduled": {"started", "returned", "errored", "pausing", "killing", "retried", "priority_changed"},
    "returned": {"scheduled", "paused", "killed", "priority_changed"},
    "started": {"finished", "failed", "retried", "pausing", "killing", "errored", "expiring"},
    "expiring": {"finished", "failed", "retried", "pausing", "killing", "errored"},
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

LINES = 5
"""What every attempt writes to its console."""

CLIENT_S = 30.0
"""The client's patience: longer than the gateway's own."""


class Mark(NamedTuple):
    """What a job itself wrote down."""

    attempt: int
    pid: int
    what: str
    time: int
    devices: frozenset[int]


class Sent(NamedTuple):
    """A submission, to be sent again as it was."""

    key: str
    body: dict[str, Any]


@dataclass
class Ledger:
    """A client that remembers what it was told."""

    yard: Platform
    marks: Path
    acked: list[str] = field(default_factory=list)
    unknown: list[Sent] = field(default_factory=list)
    rejected: list[Sent] = field(default_factory=list)
    answers: Counter[int] = field(default_factory=Counter)
    _series: str = field(default_factory=new_id)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def command(self, seconds: float) -> str:
        note = "$JOBYARD_JOB_ID $JOBYARD_ATTEMPT $$ $1 $(date +%s%N) devices:$JOBYARD_DEVICES"
        return (
            f'mark() {{ echo "{note}" >> {self.marks}; }}; mark begin; '
            f'n=0; while [ $n -lt {LINES} ]; do n=$((n+1)); echo "line $n of $JOBYARD_JOB_ID"; done; '
            f"sleep {seconds}; mark end"
        )

    def submit(self, seconds: float = 0.2, devices: int = 0, **fields: Any) -> None:
        """Submit one job; whatever the platform answers is noted."""
        key = f"{self._series}-{next(self._numbers)}"
        wish = {"device_type": "v100", "devices": devices} if devices else {}
        self._send(Sent(key, {"name": key, "command": self.command(seconds), "cpus": 0.05, **wish, **fields}))

    @contextmanager
    def under_load(self, threads: int = 3, pause: float = 0.3, seconds: float = 0.2) -> Iterator[None]:
        """Several clients submit one job after another meanwhile, two of three for one or two devices."""
        over = threading.Event()

        def work(number: int) -> None:
            while not over.wait(pause):
                self.submit(seconds, devices=number % 3)

        with ThreadPoolExecutor(threads) as pool:
            clients = [pool.submit(work, number) for number in range(threads)]
            try:
                yield
            finally:
                over.set()
            for client in clients:
                client.result()

    def settle(self, within: float = 60.0) -> None:
        """A: what was unknown is one job or none, and every job that was acknowledged comes to its end in time."""
        deadline = time.monotonic() + within
        names = Counter(job["name"] for job in self.jobs())
        for sent in self.unknown:
            assert names[sent.key] <= 1, f"{sent.key} became {names[sent.key]} jobs"
        while self.unknown:
            self._send(self.unknown.pop(0))
            assert time.monotonic() < deadline, f"not healed: {self.answers}"
        wanted = set(self.acked)
        while True:
            jobs = {job["id"]: job for job in self.jobs()}
            assert wanted <= jobs.keys(), f"lost: {wanted - jobs.keys()}"
            left = [id for id in self.acked if jobs[id]["status"] not in TERMINAL]
            if not left:
                return
            if time.monotonic() > deadline:
                story = "\n".join(f"{jobs[id]} {self.yard.facts(id)}" for id in left[:5])
                raise AssertionError(f"{len(left)} jobs have not ended:\n{story}\n{self.yard.output()[-6000:]}")
            time.sleep(0.1)

    def check(self, finished: bool = True, whole: bool = True, dead: bool = False, timed: bool = True) -> None:
        """B to F and L, and the rest of A.

        `finished`: every job came to its own end. `whole`: no stream was deleted. `dead`: there may be dead letters.
        `timed`: the platform's own clock tells what came first; that of the jobs always does.
        """
        wait_until(lambda: self.yard.unrelayed() == 0, "F: the outbox is empty")
        wait_until(lambda: not owed(self.yard.nats_url), "F: every event is acknowledged")
        runs = self.runs()
        jobs = {job["id"]: job for job in self.jobs()}
        self._check_answers(jobs)
        seen = audit(self.yard.nats_url)
        published = seen.job_events()
        for id in self.acked:
            if finished:
                assert jobs[id]["status"] == "finished", jobs[id]
            facts = self._check_history(jobs[id])
            self._check_published(id, facts, published[id], whole)
            self._check_attempts(id, jobs[id], runs[id], finished)
            self._check_lines(id, runs[id], whole)
        assert published.keys() <= jobs.keys(), f"D: events of no job: {published.keys() - jobs.keys()}"
        held = allocations(published)
        if timed:
            check_capacity(held, seen.nodes)
        _check_devices(runs, {one.run: one.node for one in held})
        if not dead:
            assert not seen.dead, f"dead letters: {seen.dead}"
        wait_until(lambda: not self._alive(runs), "F: no process of a job outlives it")

    # --- what a client does

    def _send(self, sent: Sent) -> None:
        headers = self.yard.headers() | {"Idempotency-Key": sent.key}
        try:
            answer = self.yard.post("/api/v1/jobs", json=sent.body, headers=headers, timeout=CLIENT_S)
        except httpx.HTTPError:
            self.answers[0] += 1
            self.unknown.append(sent)
            return
        self.answers[answer.status_code] += 1
        if answer.status_code == 201:
            self.acked.append(answer.json()["id"])
        elif answer.status_code in (422, 429):
            self.rejected.append(sent)
        else:
            assert answer.status_code == 503, answer.text
            self.unknown.append(sent)

    def jobs(self) -> list[dict[str, Any]]:
        """All that the platform has."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = self._page({"limit": 500, **({"cursor": cursor} if cursor else {})})
            found += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def _page(self, params: dict[str, Any]) -> dict[str, Any]:
        """One page of the jobs; a part that still starts again may refuse the connection, or say that it can't now."""
        pages: list[dict[str, Any]] = []

        def answered() -> bool:
            try:
                answer = self.yard.http.get("/api/v1/jobs", params=params, headers=self.yard.headers())
            except httpx.HTTPError:
                return False
            if answer.status_code != 503:
                assert answer.status_code == 200, answer.text
                pages.append(answer.json())
            return bool(pages)

        wait_until(answered, "the jobs can be listed")
        return pages[0]

    # --- the oracle

    def _check_answers(self, jobs: dict[str, dict[str, Any]]) -> None:
        names = Counter(job["name"] for job in jobs.values())
        assert len(set(self.acked)) == len(self.acked), "A: one job for two submissions"
        doubled = {id: names[jobs[id]["name"]] for id in self.acked if names[jobs[id]["name"]] != 1}
        assert not doubled, f"A: one submission, several jobs: {doubled}"
        kept = [sent.key for sent in self.rejected if names[sent.key]]
        assert not kept, f"A: refused, and there nevertheless: {kept}"

    def _check_history(self, job: dict[str, Any]) -> list[str]:
        events = self.yard.call("GET", f"/jobs/{job['id']}/events")["items"]
        assert [event["jobversion"] for event in events] == list(range(1, job["version"] + 1)), f"B: {events}"
        facts = [event["type"].split(".")[3] for event in events]
        assert all(after in LEGAL[before] for before, after in itertools.pairwise(facts)), f"B: {facts}"
        assert sum(fact in ("finished", "failed", "errored", "killed") for fact in facts) == 1, f"B: {facts}"
        return facts

    def _check_published(self, id: str, facts: list[str], events: list[dict[str, Any]], whole: bool) -> None:
        counted = Counter((event["jobversion"], event["type"].split(".")[3]) for event in events)
        stored = set(enumerate(facts, start=1))
        assert counted.keys() <= stored, f"D: {id} published what is not stored: {counted.keys() - stored}"
        if whole:
            assert counted == Counter(stored), f"D: {id} stored {facts}, published {counted}"

    def _check_attempts(self, id: str, job: dict[str, Any], marks: list[Mark], finished: bool) -> None:
        begun = {mark.attempt: mark.time for mark in marks if mark.what == "begin"}
        ended = {mark.attempt: mark.time for mark in marks if mark.what == "end"}
        assert len(begun) == sum(mark.what == "begin" for mark in marks), f"C: {id} started twice: {marks}"
        assert len(ended) == sum(mark.what == "end" for mark in marks), f"C: {id} ended twice: {marks}"
        for before, after in itertools.pairwise(sorted(begun)):
            assert ended.get(before, 0) <= begun[after], f"C: attempts of {id} overlap: {marks}"
        if finished:
            assert job["attempt"] in ended, f"C: {id} is finished and never ran to its end: {marks}"

    def _check_lines(self, id: str, marks: list[Mark], whole: bool) -> None:
        console = self.yard.call("GET", f"/jobs/{id}/logs", 200)
        counted = len(console["lines"]) + sum(gap["lost"] for gap in console["gaps"])
        begun = sum(mark.what == "begin" for mark in marks) * LINES
        ended = sum(mark.what == "end" for mark in marks) * LINES
        assert counted <= begun and (ended <= counted or not whole), f"L: {id} has {console}, {marks}"
        sequence = [line["seq"] for line in console["lines"]]
        assert sequence == sorted(set(sequence)), f"L: {id} has lines twice or out of order: {sequence}"

    def runs(self) -> dict[str, list[Mark]]:
        """What jobs wrote down, by job."""
        runs: dict[str, list[Mark]] = defaultdict(list)
        for line in self.marks.read_text().splitlines() if self.marks.exists() else ():
            id, attempt, pid, what, at, devices = line.split()
            held = frozenset(map(int, filter(None, devices.partition(":")[2].split(","))))
            runs[id].append(Mark(int(attempt), int(pid), what, int(at), held))
        return runs

    def _alive(self, runs: dict[str, list[Mark]]) -> list[str]:
        """Jobs of which a process still lives, told by its environment."""
        alive = []
        for environ in Path("/proc").glob("[0-9]*/environ"):
            try:
                found = environ.read_bytes()
            except OSError:
                continue
            alive += [id for id in runs if f"JOBYARD_JOB_ID={id}".encode() in found]
        return alive


def _check_devices(runs: dict[str, list[Mark]], nodes: dict[str, str]) -> None:
    """E, as the jobs themselves saw it: no device was in two hands at one moment."""
    used: dict[tuple[str, int], list[tuple[int, int, str]]] = defaultdict(list)
    for id, marks in runs.items():
        ended = {mark.attempt: mark.time for mark in marks if mark.what == "end"}
        for mark in marks:
            if mark.what == "begin" and mark.attempt in ended:
                node = nodes.get(f"{id}.{mark.attempt}", "")  # nobody says where, if the stream was deleted
                for device in mark.devices:
                    used[node, device].append((mark.time, ended[mark.attempt], id))
    for place, spans in used.items():
        for before, after in itertools.pairwise(sorted(spans)):
            assert before[1] <= after[0], f"E: device {place} was used by {before[2]} and {after[2]} at once"
