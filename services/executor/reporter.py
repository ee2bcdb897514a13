"""Says what became of a run: RunStarted, then its output, and only after that how it ended. At least once each.

A run of several ranks is told of once: when all have started, and when the last of them is gone. What each has used is
summed up as soon as it is gone itself, so that nobody is shown as living who is not.
"""

import asyncio
from datetime import datetime

import structlog

from services.executor.checkpoints import Looks
from services.executor.domain.facts import result_event, started_event
from services.executor.domain.observation import Cancelled, Ended, Lost, Started, Waiting
from services.executor.domain.record import Member, RunRecord
from services.executor.domain.together import together
from services.executor.run import Run
from services.executor.shipment import RunLog
from services.executor.shipping import Shipper
from services.executor.usage.sampler import Sampler
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts import subjects
from shared.contracts.events import RunEvent, run_envelope
from shared.contracts.instruments import LAUNCH_SECONDS
from shared.contracts.metrics import RunUsage
from shared.meter import Meter

log = structlog.get_logger()

LOOK_S = 5.0
"""How long a look into a job's folder may keep back how its run ended."""


class Reporter:
    """Publishes the runs of one executor, by whose name they are told."""

    def __init__(
        self,
        bus: Bus,
        clock: Clock,
        node: str,
        shipper: Shipper,
        sampler: Sampler,
        looks: Looks,
        uses_images: bool,
        meter: Meter,
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._node = node
        self._shipper = shipper
        self._sampler = sampler
        self._looks = looks
        self._uses_images = uses_images
        self._launches = meter.histogram(LAUNCH_SECONDS)

    async def report(self, run: Run) -> None:
        """Follow the run to its end. Returns when everything of it is stored on the bus."""
        record = run.record
        launched = isinstance(run.seen, Waiting)  # else another process did that, and measured it
        while record.kind == "run" and isinstance(run.seen, Waiting):
            if run.has_begun:
                self._follow(run, launched)
            await run.moved_on()
        if isinstance(run.seen, Started):
            if launched:
                self._launches.observe(max(run.seen.started_ns / 1e9 - record.created_at.timestamp(), 0.0))
            self._follow(run, launched)
            await self._publish(run, started_event(record, run.seen, self._uses_images))
            run.trace.end()
        used: dict[str, asyncio.Task[RunUsage | None]] = {}
        async with asyncio.TaskGroup() as beside:
            while record.kind == "run" and isinstance(run.seen, Started):
                self._sum_up(run, used, beside)
                await run.moved_on()
            self._sum_up(run, used, beside)
        known = [used[member.id].result() for member in record.members if member.id in used]
        devices = sum(len(share.devices) for share in record.shares)
        usage = together([one for one in known if one is not None], devices)
        lines = await self._output(run)
        checkpoint_at = await self._checkpoint(run)
        result = result_event(record, run.seen, lines, checkpoint_at, usage, run.decided_by)
        if result is not None:
            await self._publish(run, result)

    def _follow(self, run: Run, launched: bool) -> None:
        """Ship what its ranks write, and sample those that have started; once is enough.

        What a run has written that was `launched` here is looked at at once; of many that were found again, most of
        which have written nothing since, the next poll asks at once.
        """
        for member in run.record.members:
            self._shipper.follow(_console(run.record, member))
            if launched:
                self._shipper.wrote(member.id)
            seen = run.ranks[member.id]
            if isinstance(seen, Started):
                self._sampler.follow(member, seen.started_ns)

    async def _output(self, run: Run) -> int:
        """Ship the rest of what its ranks wrote; how many lines the one has that wrote the most."""
        if run.record.kind != "run" or isinstance(run.seen, Cancelled):
            return 0
        lines = []
        for member in run.record.members:
            seen = run.ranks[member.id]
            ended_ns = seen.ended_ns if isinstance(seen, Ended) else self._now_ns()
            lines.append(await self._shipper.finish(_console(run.record, member), ended_ns))
        return max(lines)

    def _sum_up(self, run: Run, used: dict[str, "asyncio.Task[RunUsage | None]"], beside: asyncio.TaskGroup) -> None:
        """Begin to sum up what those of its ranks have used that are gone; of each once."""
        for member in run.record.members:
            seen = run.ranks[member.id]
            if isinstance(seen, Ended | Lost) and member.id not in used:
                used[member.id] = beside.create_task(self._used(member, seen), name=member.id)

    async def _used(self, member: Member, seen: Ended | Lost) -> RunUsage | None:
        """Of one rank. Whatever is wrong with that, the run's end is told all the same, without."""
        try:
            if isinstance(seen, Ended):
                return await self._sampler.finish(member, seen)
            return await self._sampler.lose(member)
        except Exception as error:  # noqa: BLE001  (a job can write to what is read here, and its end must be told)
            log.warning("usage_unknown", run_id=member.id, error=repr(error))
        return None

    async def _checkpoint(self, run: Run) -> datetime | None:
        """When its last checkpoint was written. A folder that does not answer keeps no end from being told."""
        if not isinstance(run.seen, Ended):
            return None
        try:
            return await self._looks.after(run.record, LOOK_S)
        except TimeoutError:
            log.warning("checkpoint_unknown", run_id=run.record.id)
            return None

    async def started(self, run: Run) -> None:
        """Say once more that it lives."""
        if isinstance(run.seen, Started):
            await self._publish(run, started_event(run.record, run.seen, self._uses_images))

    async def _publish(self, run: Run, event: RunEvent) -> None:
        source, trace = f"/executor/{self._node}", run.trace.traceparent
        message = run_envelope(event, source, self._clock.now(), run.record.correlation_id, trace)
        await self._bus.publish(subjects.run_event(event), message)

    def _now_ns(self) -> int:
        return int(self._clock.now().timestamp() * 1000) * 1_000_000


def _console(record: RunRecord, member: Member) -> RunLog:
    return RunLog(member.id, record.job_id, record.attempt, record.first_seq - 1, member.rank)
