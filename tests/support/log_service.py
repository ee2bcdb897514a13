"""The log service as a process of its own, and what a test asks it."""

import asyncio

from shared.bus.bus import Bus
from shared.contracts import subjects
from shared.contracts.commands.logs import TAIL_LOG, LogPage, TailLog
from shared.contracts.errors import Unavailable
from shared.contracts.logs import LogChunk, LogGap, LogLine
from tests.support.service_process import ServiceProcess

ASK_S = 5.0
START_S = 60.0


class LogService(ServiceProcess):
    """`python -m services.logs`."""

    name = "logs"


async def publish(bus: Bus, chunk: LogChunk) -> int:
    """Publish as the executor does, until it is stored; the stream sequence."""
    message_id = f"{chunk.job_id}.{chunk.attempt}:{chunk.rank}:{chunk.seq}:{''.join(x.text for x in chunk.unfinished)}"
    return await bus.publish_raw(subjects.log(chunk.job_id), chunk.model_dump_json().encode(), message_id)


async def page(bus: Bus, job_id: str, **ask: int) -> LogPage:
    """One answer, also while the service starts, or NATS does."""
    deadline = asyncio.get_running_loop().time() + START_S
    while True:
        try:
            return await bus.ask(TAIL_LOG, TailLog.model_validate({"job_id": job_id, **ask}), ASK_S)
        except Unavailable:
            if asyncio.get_running_loop().time() > deadline:
                raise


async def tail(bus: Bus, job_id: str, count: int = 2000) -> tuple[list[LogLine], list[LogGap]]:
    """The last lines and the gaps among them, over as many answers as it takes."""
    found = await page(bus, job_id, tail=count)
    lines, gaps = list(found.lines), list(found.gaps)
    while found.more:
        found = await page(bus, job_id, tail=count - len(lines), before_seq=lines[0].seq)
        lines[:0], gaps[:0] = found.lines, found.gaps
    return lines, gaps
