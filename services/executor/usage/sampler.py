"""Samples the runs of this node while they live, and says what each has used when it is over.

Beside the way of the runs: a start never waits for it, and an end only for a look at the run's own files. A sweep reads
every run that is due at once; the next one begins after it, so that a slow one never has another on its heels.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

import structlog

from services.executor.domain.holder import Holder
from services.executor.domain.observation import Ended
from services.executor.domain.reading import Reading
from services.executor.domain.record import RunRecord
from services.executor.domain.used import SECOND_NS
from services.executor.usage.exporter import Exporter
from services.executor.usage.feed import SampleFeed
from services.executor.usage.files import Tally
from services.executor.usage.tallies import Step, Tallies
from shared.clock import Clock
from shared.contracts.metrics import Accelerator, RunUsage

log = structlog.get_logger()

TICK_S = 1.0
YOUNG_S = 60.0
"""A younger run is sampled with each tick."""
EVERY_S = 5.0
"""An older one so often."""
_SLACK_S = 0.5

Measure = Callable[[Sequence[str]], Awaitable[dict[str, Reading]]]
"""A backend's word on what these runs have used, by the ids of those that live."""

Driven = Mapping[str, tuple[Accelerator, ...]]
ReadDevices = Callable[[Sequence[Holder]], Driven]
"""The drivers' word on what these holders' devices do, by their runs' ids. Called in a thread, and soon back."""


@dataclass
class Followed:
    """A run that is sampled. `tally`: none before it is looked for on the disk."""

    record: RunRecord
    started_ns: int
    tally: Tally | None = None


class Sampler:
    """Of one node."""

    def __init__(
        self,
        measure: Measure,
        read_devices: ReadDevices,
        tallies: Tallies,
        feed: SampleFeed,
        exporter: Exporter,
        clock: Clock,
    ) -> None:
        self._measure = measure
        self._read_devices = read_devices
        self._tallies = tallies
        self._feed = feed
        self._exporter = exporter
        self._clock = clock
        self._followed: dict[str, Followed] = {}
        self._tallying = asyncio.Lock()
        self._swept_at = clock.monotonic()

    async def open(self, known: Collection[str]) -> None:
        """Before the first run. `known`: those that an earlier process has left here."""
        await asyncio.to_thread(self._tallies.open, known)

    def follow(self, record: RunRecord, started_ns: int) -> None:
        """Sample the run from now on; once is enough."""
        self._followed.setdefault(record.id, Followed(record, started_ns))

    async def finish(self, record: RunRecord, seen: Ended) -> RunUsage | None:
        """The run is over: its last sample, and what it has used. The same again if it is asked for again."""
        followed = self._followed.pop(record.id, None)
        async with self._tallying:
            step = await asyncio.to_thread(self._tallies.conclude, record, seen, followed.tally if followed else None)
        if step.sample is not None:
            self._feed.put(step.sample)
            self._exporter.show_last(step.sample, step.tally.reported)
        return step.tally.usage

    async def lose(self, record: RunRecord) -> RunUsage | None:
        """The run is gone, and nobody knows how: what it had used by its last sample, if it had one."""
        self._followed.pop(record.id, None)
        self._exporter.lose(record.job_id, record.attempt, record.rank)
        async with self._tallying:
            return await asyncio.to_thread(self._tallies.lost, record)

    async def forget(self, run_ids: Collection[str]) -> None:
        """Remove what is kept of runs that nobody asks for any more."""
        for id in run_ids:
            followed = self._followed.pop(id, None)
            if followed is not None:  # its end was never told
                self._exporter.lose(followed.record.job_id, followed.record.attempt, followed.record.rank)
        async with self._tallying:
            await asyncio.to_thread(self._tallies.remove, run_ids)

    async def run(self) -> None:
        """Sweep again and again, until cancelled. What was missed is not made up for."""
        while True:
            await asyncio.sleep(TICK_S)
            try:
                await self.sweep()
            except OSError as error:  # the node is out of order, for instance out of files
                log.warning("sampling_delayed", error=repr(error))

    async def sweep(self) -> None:
        """One sample of each run that is due: of all of them together each `EVERY_S`, else of the young ones."""
        due = self._due()
        if not due:
            return
        readings = await self._measure([run.record.id for run in due])
        due = [run for run in due if run.record.id in readings]
        driven = await self._driven(due, readings)
        async with self._tallying:
            due = [run for run in due if run.record.id in self._followed]
            steps = await asyncio.to_thread(self._steps, due, readings, driven)
        for run, step in zip(due, steps, strict=True):
            run.tally = step.tally
            if step.sample is not None and run.record.id in self._followed:
                self._feed.put(step.sample)
                self._exporter.show(step.sample, step.tally.reported)

    def _due(self) -> list[Followed]:
        now = self._clock.monotonic()
        everyone = now - self._swept_at >= EVERY_S - _SLACK_S
        if everyone:
            self._swept_at = now
        young_since = int((self._clock.now().timestamp() - YOUNG_S) * SECOND_NS)
        return [run for run in self._followed.values() if everyone or run.started_ns > young_since]

    async def _driven(self, runs: Sequence[Followed], readings: Mapping[str, Reading]) -> Driven:
        """What is known of the runs' devices; of simulated ones nothing."""
        records = [run.record for run in runs if run.record.devices]
        holders = [Holder(one.id, one.device_type, one.devices, readings[one.id].pids) for one in records]
        return await asyncio.to_thread(self._read_devices, holders) if holders else {}

    def _steps(self, runs: Sequence[Followed], readings: Mapping[str, Reading], driven: Driven) -> list[Step]:
        """In a thread."""
        steps = []
        for run in runs:
            record = run.record
            tally = run.tally or self._tallies.begin(record.id, run.started_ns)
            steps.append(self._tallies.add(record, tally, readings[record.id], driven.get(record.id, ())))
        return steps
