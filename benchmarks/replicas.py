"""What a second replica brings on a MongoDB-wire server, and what the loss of the scheduler's leader costs.

On one machine replicas share its cores, and every commit goes to one database: a second is there for its loss, not for
speed, until each has cores of its own.
"""

import asyncio
import itertools
import json
import os
import re
import signal
import time

from benchmarks.figures import Figure, percentile
from benchmarks.load import Connection, repeat
from benchmarks.yard import HELD
from tests.support.audit import client
from tests.support.separate import SERVICES, SeparateServices, separate_services
from tests.support.waiting import wait_until

CLIENTS = 16
SECONDS = 6.0
LOST_S = 15.0


def measure() -> list[Figure]:
    """One of each, then two gateways and two jobs services, then a lost leader."""
    with separate_services() as running:
        figures = [_submissions(running, "one of each")]
    with separate_services((*SERVICES, "gateway-2", "jobs-2", "scheduler-2")) as running:
        figures.append(_submissions(running, "two gateways, two jobs"))
    with separate_services((*SERVICES, "scheduler-2")) as running:
        figures += [_lost_leader(running, signal.SIGKILL), _lost_leader(running, signal.SIGSTOP)]
    return figures


def _submissions(running: SeparateServices, setup: str) -> Figure:
    token = running.headers()["Authorization"].removeprefix("Bearer ")
    ports = itertools.cycle(running.ports)

    def connection() -> Connection:
        return Connection("127.0.0.1", next(ports), token)

    body = json.dumps(HELD).encode()
    rate, took = asyncio.run(repeat(connection, CLIENTS, SECONDS, "POST", "/api/v1/jobs", body, 201))
    note = f"p50 {percentile(took, 0.5) * 1e3:.0f} ms, {type(running.mongo).__name__}, {os.cpu_count()} cores for all"
    return Figure(f"submissions, {CLIENTS} clients, {setup}", rate, "1/s", better="higher", note=note)


def _lost_leader(running: SeparateServices, how: signal.Signals) -> Figure:
    """From the leader's loss to the start of a job that was submitted right after it."""
    leader = asyncio.run(_leader(running))
    running.signal_service(leader, how)
    begin = time.perf_counter()
    running.wait(running.submit(["/bin/true"], cpus=0.01), within=4 * LOST_S)
    seconds = time.perf_counter() - begin
    if how is signal.SIGSTOP:
        running.signal_service(leader, signal.SIGCONT)
    else:
        running.kill_service(leader)
        running.start_service(leader)
        wait_until(running.is_ready, "there is another to take over")
    what = "frozen, as if its machine were lost" if how is signal.SIGSTOP else "killed"
    return Figure(f"the leader is {what}: a job waits", seconds, "s", LOST_S)


async def _leader(running: SeparateServices) -> str:
    """The scheduler whose process holds the lease."""
    async with client(running.nats_url) as connection:
        while True:
            reply = await connection.request("cmd.jobs.lead.v1", b'{"contender": "benchmark"}', timeout=10)
            numbers = re.findall(r"\d+", json.loads(reply.data).get("holder", "/").split("/", 1)[1])
            for name, process in running.processes.items():
                if name.startswith("scheduler") and str(process.pid) in numbers:
                    return name
            await asyncio.sleep(0.1)
