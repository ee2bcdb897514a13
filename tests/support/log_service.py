"""The log service as a process of its own, and what a test asks it."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from shared.bus.bus import Bus
from shared.contracts import subjects
from shared.contracts.commands.logs import TAIL_LOG, LogPage, TailLog
from shared.contracts.errors import Unavailable
from shared.contracts.logs import LogChunk, LogGap, LogLine

CHECKOUT = Path(__file__).resolve().parents[2]
ASK_S = 5.0
START_S = 60.0


class LogService:
    """`python -m services.logs` on one NATS server and one data folder."""

    def __init__(self, nats_url: str, data: Path, **settings: object) -> None:
        """`settings`: further JOBYARD_... variables, by the rest of their names in lower case."""
        self.data = data
        self.output = data.with_suffix(".log")
        own = {"nats_url": nats_url, "data": data, "log_format": "json", **settings}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
        self._environment = clean | {"PYTHONPATH": str(CHECKOUT)}
        self._environment |= {f"JOBYARD_{name.upper()}": str(value) for name, value in own.items()}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process; it answers a little later."""
        with self.output.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.logs"], env=self._environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(20)

    def wait(self) -> int:
        """The exit code of a process that ends by itself."""
        assert self._process is not None
        return self._process.wait(30)

    def said(self, event: str) -> int:
        """How often it has logged this event, over all its starts."""
        return self.output.read_text(errors="replace").count(f'"event": "{event}"')

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()


async def publish(bus: Bus, chunk: LogChunk) -> int:
    """Publish as the executor does, until it is stored; the stream sequence."""
    message_id = f"{chunk.job_id}.{chunk.attempt}:{chunk.rank}:{chunk.seq}"
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
