"""The backend `process`: runs as processes of this machine, found again after a restart by their folders' files."""

import asyncio
import os
import signal
import socket
import time
from collections.abc import Callable, Collection, Sequence
from functools import partial
from pathlib import Path

import structlog

from services.executor.backends.process import linux, marks
from services.executor.backends.process.client import SpawnerClient
from services.executor.backends.process.doors import ProcessDoors
from services.executor.backends.process.ending import ended
from services.executor.backends.process.entrance import Entrance
from services.executor.backends.process.hints import Hints
from services.executor.backends.process.ports import Ports
from services.executor.backends.process.remnants import Remnants
from services.executor.backends.process.supervisors import Supervisor, claimed
from services.executor.backends.process.sweep import sweep
from services.executor.backends.process.usage import totals
from services.executor.backends.process.usage.clearing import Clearing
from services.executor.backends.process.usage.group import Group
from services.executor.backends.process.usage.groups import Groups
from services.executor.backends.process.usage.meter import Meter
from services.executor.backends.protocol import AnswersItself, Changed, Execution, RunOrder
from services.executor.domain.observation import NODE_RESTARTED, Cancelled, Lost, Observation, Started, Waiting
from services.executor.domain.pulling import Pull
from services.executor.domain.reading import Reading
from services.executor.domain.record import is_rank_id
from shared.contracts.job import Reason
from shared.contracts.streams import Child

log = structlog.get_logger()

IDLE_S = 30.0

SUPERVISOR_GONE = Reason(
    code="supervisor_gone", message="The run's supervisor was killed from outside; all that it had started was ended."
)


class ProcessBackend:
    """Runs under `home`: `home/runs/<run id>.*` are a run's files."""

    uses_images = False
    reports_beside_job = False

    def __init__(self, home: Path, idle_s: float = IDLE_S, groups: Groups | None = None) -> None:
        """`groups`: where each run gets a control group; none: they go without."""
        self._runs = home.absolute() / "runs"
        self._client = SpawnerClient(home, idle_s)
        self._hints = Hints(home, self._heard)
        self._boot_id = linux.boot_id()
        self._entrance = Entrance(ProcessDoors(str(self._runs), self._boot_id))
        self._groups = groups or Groups(home, ())
        self._clearing = Clearing(self._groups)
        self._remnants = Remnants(str(home.absolute()), self._base)
        self._meter = Meter(self._base, self._boot_id)
        self._measuring = asyncio.Lock()
        self._ports = Ports(str(self._runs), self._boot_id, self._neighbours)
        self._handles: dict[str, int] = {}
        self._pids: dict[str, int] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed: Changed = lambda run_id, observation: None
        self._wrote: Callable[[str], None] = lambda run_id: None

    async def open(self, changed: Changed, wrote: Callable[[str], None]) -> None:
        self._changed = changed
        self._wrote = wrote
        self._runs.mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(self._groups.open)
        await asyncio.to_thread(self._remnants.find)
        self._hints.open()
        await self._client.open()

    async def stand(self) -> None:
        await self._client.stand()

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for run_id in list(self._handles):
            self._unwatch(run_id)
        self._hints.close()
        await self._client.close()
        await self._clearing.close()
        await asyncio.to_thread(self._groups.close)

    async def launch(self, orders: Sequence[RunOrder]) -> None:
        orders = await asyncio.to_thread(lambda: [each for each in orders if self._remnants.end(each.run_id)])
        groups, host = await asyncio.to_thread(self._prepare, [order.run_id for order in orders])
        self._client.launch(
            {
                "run_id": order.run_id,
                "base": self._base(order.run_id),
                "argv": list(order.argv),
                "cwd": str(order.cwd),
                "env": order.env,
                "grace_s": order.grace_s,
                "hidden": list(order.hidden),
                "group": list(groups[order.run_id]),
                "host": host,
            }
            for order in orders
        )

    async def stop(self, run_id: str) -> None:
        if await asyncio.to_thread(self._stop, run_id):
            await self._look(run_id)

    async def force(self, run_ids: Sequence[str], reason: Reason) -> tuple[str, ...]:
        raise AnswersItself

    async def observe(self, run_ids: Sequence[str]) -> dict[str, Observation]:
        seen = await asyncio.to_thread(lambda: {run_id: self._observe(run_id) for run_id in run_ids})
        for run_id, observation in seen.items():
            if isinstance(observation, Started):
                self._watch(run_id, observation.pid)
            elif isinstance(observation, Lost):
                self._clearing.add(run_id)
        return seen

    async def pulls(self, run_ids: Sequence[str]) -> dict[str, Pull]:
        """Nothing is pulled for runs on the host itself."""
        return {}

    async def measure(self, run_ids: Sequence[str]) -> dict[str, Reading]:
        async with self._measuring:
            return await asyncio.to_thread(self._meter.read, run_ids)

    async def exec(self, run_id: str, child: Child | str) -> Execution:
        return await self._entrance.exec(run_id, child)

    async def dial(self, run_id: str, port: int) -> socket.socket:
        return await self._ports.dial(run_id, port)

    def output(self, run_id: str, child: str | None = None) -> Path:
        folder = "" if child is None else f"{marks.WAYS}/{child}"
        return Path(self._base(run_id) + folder + marks.OUTPUT)

    async def forget(self, run_ids: Sequence[str]) -> None:
        for run_id in run_ids:
            self._unwatch(run_id)
        await asyncio.to_thread(self._remove, run_ids)

    async def remnants(self) -> Collection[str]:
        with_files = await asyncio.to_thread(marks.claimed, self._runs)
        return {*filter(is_rank_id, with_files), *self._remnants.run_ids()}

    async def clear(self, vc: str, run_ids: Sequence[str]) -> Collection[str]:
        left = await asyncio.to_thread(lambda: [run_id for run_id in run_ids if not self._end(run_id)])
        await self.forget([run_id for run_id in run_ids if run_id not in left])
        return left

    def _prepare(self, run_ids: Sequence[str]) -> tuple[dict[str, Group], marks.Facts]:
        return self._groups.make(run_ids), totals.at_start()

    def _remove(self, run_ids: Sequence[str]) -> None:
        self._groups.remove(run_ids)
        for run_id in run_ids:
            marks.remove(self._base(run_id))

    def _base(self, run_id: str) -> str:
        return f"{self._runs}/{run_id}"

    # --- what changes

    def _heard(self, run_id: str, what: str, facts: marks.Facts) -> None:
        if what == "output":
            self._wrote(run_id)
        elif what == "started":
            pid = int(facts["pid"])
            self._changed(run_id, Started(int(facts["started_at"]), pid))
            self._watch(run_id, pid)
        elif what == "ended":
            self._unwatch(run_id)
            self._clearing.add(run_id)
            self._changed(run_id, _end(facts))

    def _watch(self, run_id: str, pid: int | None) -> None:
        """Notice the supervisor's end, even if it can no longer say so itself."""
        if pid is None or run_id in self._handles:
            return
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            self._gone(run_id)
            return
        self._handles[run_id] = handle
        self._pids[run_id] = pid
        asyncio.get_running_loop().add_reader(handle, partial(self._gone, run_id))

    def _unwatch(self, run_id: str) -> None:
        handle = self._handles.pop(run_id, None)
        self._pids.pop(run_id, None)
        if handle is not None:
            asyncio.get_running_loop().remove_reader(handle)
            os.close(handle)

    def _neighbours(self) -> list[tuple[str, int]]:
        """Of the runs that live here, as far as this process has seen them."""
        return list(self._pids.items())

    def _gone(self, run_id: str) -> None:
        self._unwatch(run_id)
        task = asyncio.get_running_loop().create_task(self._look(run_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _look(self, run_id: str) -> None:
        seen = await self.observe([run_id])
        self._changed(run_id, seen[run_id])

    # --- in threads: everything that touches the disk or /proc

    def _observe(self, run_id: str) -> Observation:
        start, end = marks.read(self._base(run_id))
        if end is not None:
            return _end(end)
        if start is None:
            return Waiting()
        started_ns = int(start["started_at"])
        if not start["pid"]:
            return Cancelled(started_ns)
        if start["boot_id"] != self._boot_id:
            return Lost(NODE_RESTARTED)
        supervisor = Supervisor(int(start["pid"]), start)
        if supervisor.lives:
            return Started(started_ns, supervisor.pid)
        swept = sweep(run_id)
        _, end = marks.read(self._base(run_id))
        if end is not None:  # written just before its supervisor went
            return _end(end)
        log.warning("supervisor_gone", run_id=run_id, processes=swept)
        return Lost(SUPERVISOR_GONE)

    def _end(self, run_id: str) -> bool:
        """Whether it is over, by its files and without them. Raises OSError."""
        if isinstance(self._observe(run_id), Started):
            self._stop(run_id)
            return False
        return self._remnants.end(run_id)

    def _stop(self, run_id: str) -> bool:
        """Ask the supervisor, or see to it that there will be none; true if there is something new to see.

        A supervisor that is there is told whatever the disk cannot take. Raises OSError.
        """
        base = self._base(run_id)
        try:
            marks.ask_to_stop(base)
        except OSError as error:  # then the end is taken for a stranger's, which is better than none
            log.warning("stop_not_marked", run_id=run_id, error=str(error))
        start, _ = marks.read(base)
        if start is None:
            file = marks.claim(base, {"pid": "", "boot_id": self._boot_id, "started_at": str(time.time_ns())})
            if file is not None:
                os.close(file)
                return True
            start, _ = marks.read(base)
        supervisor = claimed(start, self._boot_id)
        return supervisor is None or not supervisor.send(signal.SIGTERM)


def _end(facts: marks.Facts) -> Observation:
    return ended(facts, facts["asked"] == "True")
