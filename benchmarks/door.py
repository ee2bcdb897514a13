"""The door in front of a job's program against a bare asyncio relay and no relay at all, in the same run.

Only the ratios say something: the same machine carries the program, the door and the client.
"""

import asyncio
import json
import re
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from benchmarks.figures import Figure, percentile
from shared.ports import free_port
from tests.support import served
from tests.support.platform import CHECKOUT, Platform
from tests.support.waiting import until

GIB_MIB = 1024
ROUNDS = 3
CALLS = 1000
SOCKETS = 500


async def measure(yard: Platform) -> list[Figure]:
    """Throughput, latency, and what an idle websocket costs."""
    port = free_port()
    job = yard.submit(served.command("all", port), interactive_ports=[port], cpus=0.01)
    direct, door = f"http://127.0.0.1:{port}", f"{yard.door_url}/endpoints/{job}/port-{port}"
    connector = aiohttp.TCPConnector(limit=0)
    async with (
        aiohttp.ClientSession(headers=yard.headers(), connector=connector, read_bufsize=1 << 20) as http,
        _relay(port) as relay,
    ):
        await until(lambda: _answers(http, door), "the job's program answers", 120)
        figures = await _throughput(http, {"direct": direct, "relay": relay, "door": door})
        figures += await _latency(http, direct, door)
        figures.append(await _idle_websockets(yard, http, door))
    yard.call("POST", f"/jobs/{job}/kill", 202)
    return figures


async def _throughput(http: aiohttp.ClientSession, ways: dict[str, str]) -> list[Figure]:
    """MiB/s of a download, the ways in turns."""
    speeds: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS):
        for way, url in ways.items():
            begin = time.perf_counter()
            async with http.get(f"{url}/download?mib={GIB_MIB}&length") as answer:
                async for _piece in answer.content.iter_any():
                    pass
            speeds[way].append(GIB_MIB / (time.perf_counter() - begin))
    direct, relay, door = (statistics.median(speeds[way]) for way in ("direct", "relay", "door"))
    note = f"door {door:,.0f}, relay {relay:,.0f}, direct {direct:,.0f} MiB/s; median of {ROUNDS}"
    return [
        Figure("download of 1 GiB, the door against a bare relay", door / relay, "x", 0.8, "higher", note),
        Figure("the same against no relay", door / direct, "x", better="higher"),
    ]


async def _latency(http: aiohttp.ClientSession, direct: str, door: str) -> list[Figure]:
    """What the door adds to a small answer, one call after another."""
    took: dict[str, list[float]] = {direct: [], door: []}
    for _ in range(CALLS):
        for url, seconds in took.items():
            begin = time.perf_counter()
            async with http.get(f"{url}/") as answer:
                await answer.read()
            seconds.append(time.perf_counter() - begin)
    added = (percentile(took[door], 0.5) - percentile(took[direct], 0.5)) * 1e3
    note = f"p50 direct {percentile(took[direct], 0.5) * 1e3:.2f} ms"
    return [Figure("added to a small answer, p50", added, "ms", 1, note=note)]


async def _idle_websockets(yard: Platform, http: aiohttp.ClientSession, door: str) -> Figure:
    """KiB of the endpoints service for each, after one that made everything ready."""
    sockets = [await http.ws_connect(f"{door}/ws")]
    before = _resident_kib(yard)
    try:
        sockets += [await http.ws_connect(f"{door}/ws") for _ in range(SOCKETS)]
        each = (_resident_kib(yard) - before) / SOCKETS
    finally:
        await asyncio.gather(*(socket.close() for socket in sockets))
    return Figure(f"{SOCKETS} idle websockets, each", each, "KiB", 40)


def _resident_kib(yard: Platform) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{yard.part('endpoints')}/status").read_text())
    assert found is not None
    return int(found[1])


async def _answers(http: aiohttp.ClientSession, url: str) -> bool:
    async with http.get(f"{url}/") as answer:
        return answer.status == 200


@asynccontextmanager
async def _relay(port: int) -> AsyncIterator[str]:
    """A bare relay in a process of its own, as the door is."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "benchmarks.relay", str(port)), cwd=CHECKOUT, stdout=subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{json.loads(await process.stdout.readline())}"
    finally:
        process.kill()
        await process.wait()
