"""`make bench`: measures the machine, then the platform; `python -m benchmarks NAME...` runs some parts only.

`million` adds a store of a million jobs to `pages`, which takes minutes to fill. `kubernetes` needs a control plane,
which is built when it is asked for by name.
"""

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

from benchmarks import console, door, machine, metrics, pages, replicas, sampling, ssh, usage, yard
from benchmarks.figures import Figure, head, row, show
from benchmarks.kubernetes.measure import Size
from benchmarks.kubernetes.measure import measure as measure_kubernetes
from tests.support.platform import platform

PARTS = (
    *("machine", "memory", "start", "submit", "call", "jobs", "logs", "batch", "page", "door", "ssh"),
    *("sampling", "metrics", "usage", "pages", "million", "replicas", "console"),
)
ASKED_FOR = "kubernetes"
"""Only by its name."""
APART = {"machine", "sampling", "metrics", "usage", "pages", "million", "replicas", "console"}
"""They do not measure the one embedded platform."""


async def run(parts: set[str], cluster: Size) -> None:
    if ASKED_FOR in parts:
        head(f"Kubernetes: {cluster.nodes:,} nodes of KWOK, {cluster.jobs:,} jobs, {cluster.runs:,} runs")
        async for figure in measure_kubernetes(cluster):
            row(figure)
    if "machine" in parts:
        show("What the machine can do", await machine.measure())
    if "sampling" in parts:
        show("What the executor takes to read what runs use", await sampling.measure())
    if parts & {"pages", "million"}:
        sizes = (pages.FEW, pages.MANY, *([pages.MILLION] if "million" in parts else []))
        show("First pages, however many jobs there are", await pages.first_pages(sizes))
    if "replicas" in parts:
        show("Replicas on a MongoDB-wire server", await asyncio.to_thread(replicas.measure))
    if "metrics" in parts:
        show("The metrics service", await metrics.measure())
    if "usage" in parts:
        show("What was used", await usage.measure())
    if "console" in parts:
        show("The console in a browser", await asyncio.to_thread(console.measure))
    if parts - APART - {ASKED_FOR}:
        await embedded(parts)


async def embedded(parts: set[str]) -> None:
    # one user opens all of the websockets here
    with platform(JOBYARD_ENDPOINTS_MAX_REQUESTS_PER_USER="1000") as running, tempfile.TemporaryDirectory() as name:
        folder, measured = Path(name), yard.Yard(running)
        figures: list[Figure] = []
        if "memory" in parts:
            await asyncio.sleep(3)
            figures.append(yard.memory(running))
        if "start" in parts:
            figures += await yard.submit_to_start(measured, folder)
        if "jobs" in parts:
            figures += await yard.noop_jobs(measured)
        if "logs" in parts:
            figures.append(await yard.log_lines(measured, folder, 1, 1_000_000, 250_000))
            figures.append(await yard.log_lines(measured, folder, 200, 10_000, 600_000))
        if "call" in parts:
            figures += await yard.one_call(measured)
        if "submit" in parts:
            figures += await yard.submissions(measured)
        if "batch" in parts:
            figures += await yard.batch_kill(measured)
        if "page" in parts:
            figures += await yard.first_page(measured)
        if "door" in parts:
            figures += await door.measure(running)
        if "ssh" in parts:
            figures += await asyncio.to_thread(ssh.measure, running, folder)
        show(f"The platform on {os.cpu_count()} cores", figures)


parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
parser.add_argument("parts", nargs="*", choices=[*PARTS, ASKED_FOR, []], help="what to measure; nothing: all")
parser.add_argument("--nodes", type=int, default=Size.nodes, help="of the part kubernetes")
parser.add_argument("--jobs", type=int, default=Size.jobs, help="that come and go, of the part kubernetes")
parser.add_argument("--runs", type=int, default=Size.runs, help="that run at once, of the part kubernetes")
parser.add_argument("--consoles", type=int, default=Size.held, help="open at once, of the part kubernetes")
chosen = parser.parse_args()
asyncio.run(run(set(chosen.parts or PARTS), Size(chosen.nodes, chosen.jobs, chosen.runs, chosen.consoles)))
