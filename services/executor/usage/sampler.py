"""Samples the runs of this node while they live, and says what each has used when it is over.

Beside the way of the runs: a start never waits for it, and an end only for a look at the run's own files. A sweep reads
every run that is due at once, then steps from one to the next; the next one begins after it, so that a slow one never
has another on its heels. What is wrong with one run is that run's alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from services.executor.domain.holder import Holder
from services.executor.domain.observation import Ended
from services.executor.domain.reading import Reading
from services.executor.domain.record import Member
from services.executor.domain.used import SECOND_NS
from services.executor.usage.exporter import Exporter
from services.executor.usage.feed import SampleFeed
from services.executor.usage.files import Tally
from services.executor.usage.looks import JobFolders
from services.executor.usage.reports import Look, Position
from services.executor.usage.tallies import WRONG, Tallies, begun, last_values
from shared.clock import Clock
from shared.contracts.metrics import Accelerator, RunUsage

log = structlog.get_logger()

TICK_S = 1.0
YOUNG_S = 60.0
"""A younger run is sampled with each tick."""
EVERY_S = 5.0
"""An older one so often."""
_SLACK_S = 0.5
ALL_VALUES_S = 60.0
"""So often a sample has all that the run has reported, for whoever has not heard the samples before."""

Measure = Callable[[Sequence[str]], Awaitable[dict[str, Reading]]]
"""A backend's word on what these runs have used, by the ids of those that live."""

Driven = Mapping[str, tuple[Accelerator, ...]]
ReadDevices = Callable[[Sequence[Holder]], Driven]
"""The drivers' word on what these holders' devices do, by their runs' ids. Called in a thread, and soon back."""


@dataclass
class Followed:
    """A run that is sampled. `tally`: none before it is looked for on the disk."""

    member: Member
    started_ns: int
    tally: Tally | None = None
    told_all_at: float | None = None
    """When a sample had everything that the run has reported."""
    stepping: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One step of a run at a time; nobody waits for another's."""


class Sampler:
    """Of one node."""

    def __init__(
        self,
        measure: Measure,
        read_devices: ReadDevices,
        tallies: Tallies,
        folders: JobFolders,
        feed: SampleFeed,
        exporter: Exporter,
        clock: Clock,
    ) -> None:
        self._measure = measure
        self._read_devices = read_devices
        self._tallies = tallies
        self._folders = folders
        self._feed = feed
        self._exporter = exporter
        self._clock = clock
        self._followed: dict[str, Followed] = {}
        self._swept_at = clock.monotonic()

    async def open(self, known: Collection[str]) -> None:
        """Before the first run. `known`: those that an earlier process has left here."""
        await asyncio.to_thread(self._tallies.open, known)

    def follow(self, member: Member, started_ns: int) -> None:
        """Sample the run from now on; once is enough."""
        self._followed.setdefault(member.id, Followed(member, started_ns))

    async def finish(self, member: Member, seen: Ended) -> RunUsage | None:
        """The run is over: its last sample, and what it has used. The same again if it is asked for again.

        None if what its supervisor has left behind makes no sum.
        """
        run = self._followed.pop(member.id, None) or Followed(member, seen.started_ns)
        async with run.stepping:
            try:
                all_values, look = run.told_all_at is None, await self._look(run, last=True)
                step = await asyncio.to_thread(self._tallies.conclude, member, seen, run.tally, all_values, look)
            except WRONG as error:
                log.warning("usage_unknown", run_id=member.id, error=str(error))
                self._exporter.lose(member.job_id, member.attempt, member.rank)
                return None
        for sample in step.samples:
            self._feed.put(sample)
        if step.samples:
            self._exporter.show_last(step.samples[-1], last_values(step.tally))
        return step.usage

    async def lose(self, member: Member) -> RunUsage | None:
        """The run is gone, and nobody knows how: what it had used by its last sample, if it had one."""
        run = self._followed.pop(member.id, None) or Followed(member, 0)
        async with run.stepping:
            self._exporter.lose(member.job_id, member.attempt, member.rank)
            return await asyncio.to_thread(self._tallies.lost, member)

    async def forget(self, run_ids: Collection[str]) -> None:
        """Remove what is kept of runs that nobody asks for any more."""
        for id in run_ids:
            run = self._followed.pop(id, None)
            if run is not None:  # its end was never told
                async with run.stepping:
                    self._exporter.lose(run.member.job_id, run.member.attempt, run.member.rank)
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
        readings = await self._measure([run.member.id for run in due])
        due = [run for run in due if run.member.id in readings]
        driven = await self._driven(due, readings)
        looks = await asyncio.gather(*map(self._look, due))
        for run, look in zip(due, looks, strict=True):
            async with run.stepping:
                if run.member.id in self._followed:
                    id = run.member.id
                    await self._step(run, readings[id], driven.get(id, ()), look)

    async def _look(self, run: Followed, last: bool = False) -> Look | None:
        """At what it reports in its job's folder, after what was read of that; None: it reports to a file here."""
        if run.member.reports_beside is None:
            return None
        run.tally = run.tally or await asyncio.to_thread(self._tallies.kept, run.member)
        return await self._folders.look(run.member, run.tally.position if run.tally else Position(), last)

    async def _step(
        self, run: Followed, reading: Reading, accelerators: tuple[Accelerator, ...], look: Look | None
    ) -> None:
        """One more sample. It is told also when the run was over meanwhile, since its reports are not read twice."""
        now = self._clock.monotonic()
        all_values = run.told_all_at is None or now - run.told_all_at >= ALL_VALUES_S
        add = self._tallies.add
        try:
            step = await asyncio.to_thread(
                add, run.member, run.started_ns, run.tally, reading, accelerators, all_values, look
            )
        except WRONG as error:
            log.warning("usage_begun_anew", run_id=run.member.id, error=str(error))
            run.tally = begun(run.started_ns)
            return
        run.tally = step.tally
        if all_values:
            run.told_all_at = now
        for sample in step.samples:
            self._feed.put(sample)
        if step.samples:
            self._exporter.show(step.samples[-1], last_values(step.tally))

    def _due(self) -> list[Followed]:
        now = self._clock.monotonic()
        everyone = now - self._swept_at >= EVERY_S - _SLACK_S
        if everyone:
            self._swept_at = now
        young_since = int((self._clock.now().timestamp() - YOUNG_S) * SECOND_NS)
        return [run for run in self._followed.values() if everyone or run.started_ns > young_since]

    async def _driven(self, runs: Sequence[Followed], readings: Mapping[str, Reading]) -> Driven:
        """What is known of the runs' devices; of simulated ones nothing."""
        members = [run.member for run in runs if run.member.devices]
        holders = [Holder(one.id, one.device_type, one.devices, readings[one.id].pids) for one in members]
        return await asyncio.to_thread(self._read_devices, holders) if holders else {}
