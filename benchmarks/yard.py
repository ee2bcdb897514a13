"""The platform as a user meets it: from a submission to a start, jobs and submissions per second, lists, memory."""

import asyncio
import json
import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, percentile
from benchmarks.load import Connection, repeat
from tests.support.platform import Platform

HELD = {"name": "held", "command": "true", "device_type": "none-such", "devices": 1}
"""A job that stays in the queue: no node has its devices."""

SETTLE_S = 0.5
"""So long after a large submission, its events have been published and the scheduler has taken note."""

BEHIND = "shares a core with the events of the call before"

NOOP = {"name": "noop", "command": ["/bin/true"], "cpus": 0.01}


class Yard:
    """A running platform and connections to it."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self._token = platform.headers()["Authorization"].removeprefix("Bearer ")

    def connection(self) -> Connection:
        return Connection("127.0.0.1", self.platform.port, self._token)


def memory(platform: Platform) -> Figure:
    """All processes of the idle platform, servers included, each shared page counted once (PSS)."""
    total = 0
    tree = [platform.pid, *platform.parts()]
    tree += [int(path.parent.name) for path in Path("/proc").glob("[0-9]*/cmdline") if _belongs(path, platform)]
    for pid in set(tree):
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        total += next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return Figure("memory of the idle platform with its servers (PSS)", total / 1024, "MiB", 300)


def _belongs(cmdline: Path, platform: Platform) -> bool:
    try:
        return str(platform.data).encode() in cmdline.read_bytes()
    except OSError:
        return False


async def submit_to_start(yard: Yard, folder: Path, count: int = 200) -> list[Figure]:
    """From before the request to the first instruction of the job's own shell, one job at a time."""
    took = []
    async with yard.connection() as connection:
        for number in range(count):
            mark = folder / f"start-{number}"
            command = ["/bin/sh", "-c", f"read up rest < /proc/uptime; date +%s.%N > {mark}"]
            begin = time.time()
            job = await connection.json("POST", "/api/v1/jobs", 201, NOOP | {"command": command})
            await _until(connection, job["id"], "finished")
            took.append((float(mark.read_text()) - begin) * 1e3)
    note = "up to `date` in the job's shell, which takes about 2 ms to get there"
    return [
        Figure("submit to start, idle system, p50", percentile(took, 0.5), "ms", 10, note=note),
        Figure("submit to start, idle system, p99", percentile(took, 0.99), "ms", 50),
    ]


async def noop_jobs(yard: Yard, count: int = 2000) -> list[Figure]:
    """Jobs of one process each, submitted in lists, until the last one is finished."""
    async with yard.connection() as connection:
        ids: list[str] = []
        begin = time.perf_counter()
        for _ in range(count // 500):
            answer = await connection.json("POST", "/api/v1/jobs:submit-batch", 207, {"jobs": [NOOP] * 500})
            ids += [outcome["id"] for outcome in answer["outcomes"]]
        while await _open_jobs(connection):  # noqa: ASYNC110  (another process is asked)
            await asyncio.sleep(0.05)
        seconds = time.perf_counter() - begin
        jobs = [await connection.json("GET", f"/api/v1/jobs/{id}", 200) for id in ids[:: max(1, count // 100)]]
    assert all(job["status"] == "finished" for job in jobs)
    waited = [(_moment(job["started_at"]) - _moment(job["submitted_at"])).total_seconds() for job in jobs]
    return [
        Figure("no-op jobs, each a process of 0.01 cpus", count / seconds, "1/s", 300, "higher", "first step 150"),
        Figure("their wait in that queue, p50", percentile(waited, 0.5), "s"),
    ]


async def _open_jobs(connection: Connection) -> int:
    statuses = "queued,scheduling,running"
    page = await connection.json("GET", f"/api/v1/jobs?status={statuses}&limit=1", 200)
    return sum(item["device_type"] == "cpu" for item in page["items"])


async def submissions(yard: Yard) -> list[Figure]:
    """Submissions into a queue that holds them."""
    body = json.dumps(HELD).encode()
    figures = []
    for clients, goal in ((1, 600), (16, 1700)):
        rate, took = await repeat(yard.connection, clients, 4, "POST", "/api/v1/jobs", body, 201)
        name = f"submissions into a held queue, {clients} client{'s' if clients > 1 else ''}"
        note = f"p50 {percentile(took, 0.5) * 1e3:.1f} ms, p99 {percentile(took, 0.99) * 1e3:.1f} ms"
        figures.append(Figure(name, rate, "1/s", goal, "higher", note))
    return figures


async def one_call(yard: Yard) -> list[Figure]:
    """500 jobs in one request: each by itself, and one right after the other."""
    alone: list[float] = []
    together: list[float] = []
    async with yard.connection() as connection:
        for took, pause_s in ((alone, SETTLE_S), (together, 0.0)):
            for _ in range(15):
                begin = time.perf_counter()
                await connection.json("POST", "/api/v1/jobs:submit-batch", 207, {"jobs": [HELD] * 500})
                took.append((time.perf_counter() - begin) * 1e3)
                await asyncio.sleep(pause_s)
    return [
        Figure("500 jobs in one call, p50", percentile(alone, 0.5), "ms", 50),
        Figure("500 jobs in one call, right after another, p50", percentile(together, 0.5), "ms", note=BEHIND),
    ]


async def batch_kill(yard: Yard, rounds: int = 5) -> list[Figure]:
    """1,000 jobs killed in one call: until they are accepted, by their ids and by a filter."""
    by_ids, by_filter = [], []
    async with yard.connection() as connection:
        for number in range(rounds):
            ids = await _held(connection, {})
            by_ids.append(await _batch(connection, {"action": "kill", "ids": ids}))
            await _held(connection, {"round": str(number)})
            by_filter.append(await _batch(connection, {"action": "kill", "filter": {"label": {"round": str(number)}}}))
    return [
        Figure("1,000 jobs killed in one call, by ids, p50", percentile(by_ids, 0.5), "ms", 1000),
        Figure("1,000 jobs killed in one call, by a filter, p50", percentile(by_filter, 0.5), "ms", 1000),
    ]


async def _held(connection: Connection, labels: dict[str, str]) -> list[str]:
    """1,000 jobs that wait."""
    answers = [
        await connection.json("POST", "/api/v1/jobs:submit-batch", 207, {"jobs": [HELD | {"labels": labels}] * 500})
        for _ in range(2)
    ]
    return [outcome["id"] for answer in answers for outcome in answer["outcomes"]]


async def _batch(connection: Connection, wish: dict[str, Any]) -> float:
    """Milliseconds until all 1,000 are accepted."""
    begin = time.perf_counter()
    answer = await connection.json("POST", "/api/v1/jobs:batch", 207, wish)
    took = (time.perf_counter() - begin) * 1e3
    assert [outcome["status"] for outcome in answer["outcomes"]] == [202] * 1000
    return took


async def first_page(yard: Yard) -> list[Figure]:
    """The first page of one user's jobs, of which there are 10,000 by now."""
    async with yard.connection() as connection:
        total = (await connection.json("GET", "/api/v1/jobs?limit=1", 200))["total"]
        while total < 10_000:
            await connection.json("POST", "/api/v1/jobs:submit-batch", 207, {"jobs": [HELD] * 500})
            total += 500
        took = []
        for _ in range(200):
            begin = time.perf_counter()
            await connection.send("GET", "/api/v1/jobs")
            took.append((time.perf_counter() - begin) * 1e3)
    return [
        Figure("first page of one user's 10,000 jobs, p50", percentile(took, 0.5), "ms", 5),
        Figure("first page of one user's 10,000 jobs, p99", percentile(took, 0.99), "ms"),
    ]


async def log_lines(yard: Yard, folder: Path, jobs: int, lines: int, goal: float) -> Figure:
    """From the first line that a job writes to the last one in the ring, jobs together."""
    text = folder / f"lines-{jobs}"
    text.write_text("".join(f"step {number:08d} loss 0.123456 accuracy 0.98765\n" for number in range(lines)))
    gate = folder / f"gate-{jobs}"
    os.mkfifo(gate)  # to open it waits for a writer, and costs the machine nothing meanwhile
    command = f": < {gate}; cat {text}; echo the end"
    body = {"jobs": [NOOP | {"name": "lines", "command": command}] * jobs}
    async with yard.connection() as connection:
        answer = await connection.json("POST", "/api/v1/jobs:submit-batch", 207, body)
        ids = [outcome["id"] for outcome in answer["outcomes"]]
        for id in ids:
            await _until(connection, id, "running")
        begin = time.perf_counter()
        writer = os.open(gate, os.O_WRONLY)
        for id in ids:
            await _until_the_end(connection, id, lines)
        os.close(writer)
        seconds = time.perf_counter() - begin
    name = f"log lines of {jobs} job{'s' if jobs > 1 else ''}, written to shown"
    return Figure(name, jobs * lines / seconds, "1/s", goal, "higher", f"{lines:,} lines of 47 bytes each")


async def _until(connection: Connection, id: str, status: str) -> None:
    while (await connection.json("GET", f"/api/v1/jobs/{id}", 200))["status"] != status:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def _until_the_end(connection: Connection, id: str, lines: int) -> None:
    while True:
        page: Any = await connection.json("GET", f"/api/v1/jobs/{id}/logs?tail=1", 200)
        if page["lines"] and page["lines"][-1]["text"] == "the end":
            assert page["lines"][-1]["seq"] == lines + 1, "no line is missing"
            return
        await asyncio.sleep(0.02)


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
