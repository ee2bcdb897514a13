"""Says what became of a run: RunStarted, then its output, and only after that how it ended. At least once each."""

from datetime import datetime

import structlog

from services.executor.checkpoints import Looks
from services.executor.domain.facts import result_event, started_event
from services.executor.domain.observation import Ended, Lost, Started, Waiting
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
    """Publishes the runs of one node."""

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
        console = RunLog(record.id, record.job_id, record.attempt, record.first_seq - 1, record.rank)
        launched = isinstance(run.seen, Waiting)  # else another process did that, and measured it
        while record.kind == "run" and isinstance(run.seen, Waiting):
            await run.moved_on()
        if isinstance(run.seen, Started):
            if launched:
                self._launches.observe(max(run.seen.started_ns / 1e9 - record.created_at.timestamp(), 0.0))
            self._shipper.follow(console)
            self._shipper.wrote(record.id)
            self._sampler.follow(record, run.seen.started_ns)
            await self._publish(run, started_event(record, self._node, run.seen, self._uses_images))
            run.trace.end()
        while record.kind == "run" and isinstance(run.seen, Started):
            await run.moved_on()
        usage = await self._usage(run)
        lines = 0
        if isinstance(run.seen, Ended) or (record.kind == "run" and isinstance(run.seen, Lost)):
            ended_ns = run.seen.ended_ns if isinstance(run.seen, Ended) else self._now_ns()
            lines = await self._shipper.finish(console, ended_ns)
        checkpoint_at = await self._checkpoint(run)
        result = result_event(record, self._node, run.seen, lines, checkpoint_at, usage)
        if result is not None:
            await self._publish(run, result)

    async def _usage(self, run: Run) -> RunUsage | None:
        """What a run has used that is over. Whatever is wrong with that, its end is told all the same, without."""
        try:
            if isinstance(run.seen, Ended):
                return await self._sampler.finish(run.record, run.seen)
            if isinstance(run.seen, Lost):
                return await self._sampler.lose(run.record)
        except Exception as error:  # noqa: BLE001  (a job can write to what is read here, and its end must be told)
            log.warning("usage_unknown", run_id=run.record.id, error=repr(error))
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
            await self._publish(run, started_event(run.record, self._node, run.seen, self._uses_images))

    async def _publish(self, run: Run, event: RunEvent) -> None:
        source, trace = f"/executor/{event.node}", run.trace.traceparent
        message = run_envelope(event, source, self._clock.now(), run.record.correlation_id, trace)
        await self._bus.publish(subjects.run_event(event), message)

    def _now_ns(self) -> int:
        return int(self._clock.now().timestamp() * 1000) * 1_000_000
