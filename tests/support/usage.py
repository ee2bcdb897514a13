"""Readings and samples of runs, with what a test changes, and an executor's sampler around what a test measures."""

import threading
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from services.executor.domain.holder import Holder
from services.executor.domain.reading import Reading
from services.executor.domain.used import SECOND_NS
from services.executor.usage.exporter import Exporter
from services.executor.usage.feed import SampleFeed
from services.executor.usage.files import Tally, UsageFiles
from services.executor.usage.looks import JobFolders
from services.executor.usage.sampler import Sampler
from services.executor.usage.tallies import Tallies
from shared.bus.bus import Bus
from shared.contracts.metrics import Accelerator, Sample
from tests.support.clock import ManualClock
from tests.support.executor import ID, NOW
from tests.support.waiting import LONG_S

START_NS = int(NOW.timestamp()) * SECOND_NS


def _tally(used: str = "", **fields: str) -> str:
    rest = "".join(f', "{name}": {value}' for name, value in fields.items())
    return f'{{"started_ns": 1, "used": {{"at_ns": 1{used}}}{rest}}}'


HUGE = "9" * 400
HOSTILE = (
    _tally(dropped="-1"),
    _tally(dropped=HUGE),
    _tally(dropped="1e3"),
    _tally(dropped="true"),
    _tally(dropped="NaN"),
    _tally(ended_ns="-1"),
    _tally(ended_ns=HUGE),
    _tally(position='{"inode": 1, "offset": -1}'),
    _tally(position='{"inode": 1, "offset": 9223372036854775808}'),
    _tally(position='{"inode": -1}'),
    _tally(position="[]"),
    _tally(reported='{"loss": NaN}'),
    _tally(reported='{"loss": 1e999}'),
    _tally(reported='{"a b": 1}'),
    _tally(reported='{"loss": "1"}'),
    _tally(reported="{" + ", ".join(f'"n{number}": 1' for number in range(101)) + "}"),
    _tally(not_finite='["a b"]'),
    _tally(not_finite="[1]"),
    _tally(not_finite='"loss"'),
    _tally(reported='{"a": ' * 5_000 + "1" + "}" * 5_000),
    _tally(reported="[" * 60_000),
    _tally(', "totals": {"cpu_ns": -1}'),
    _tally(f', "totals": {{"cpu_ns": {HUGE}}}'),
    _tally(', "totals": {"read_bytes": 9223372036854775808}'),
    _tally(f', "totals": {{"network": {{"receive_bytes": {HUGE}, "transmit_bytes": 0, "scope": "run"}}}}'),
    _tally(', "totals": {"network": {"receive_bytes": 1, "transmit_bytes": -1, "scope": "run"}}'),
    _tally(', "totals": {"network": {"receive_bytes": 1, "transmit_bytes": 1, "scope": "moon"}}'),
    _tally(', "memory_peak_bytes": -1'),
    _tally(', "memory_byte_s": 1.7e308, "memory_s": 1e-300'),
    _tally(', "memory_byte_s": -1.0, "memory_s": 1.0'),
    _tally(', "device_s": 1e300'),
    _tally(', "device_use_s": -1'),
    _tally(', "device_idle_s": Infinity'),
    '{"started_ns": -1, "used": {"at_ns": 1}}',
    f'{{"started_ns": {HUGE}, "used": {{"at_ns": 1}}}}',
    '{"started_ns": 1, "used": {"at_ns": -1}}',
    '{"started_ns": 1, "used": []}',
    '{"started_ns": 1}',
    "[]",
    "null",
)
"""What a run may write into its own tally."""


def reading_of(at_s: float = 1.0, **changes: Any) -> Reading:
    """So many seconds after the run's start."""
    return Reading(at_ns=START_NS + int(at_s * SECOND_NS), **changes)


def sample_with(**changes: Any) -> Sample:
    fields: dict[str, Any] = {"job_id": ID, "attempt": 1, "vc": "default", "owner": "ada", "time": NOW}
    return Sample(**(fields | changes))


class Listening(Bus):
    """Keeps what it is told; whether there is a server is what the test says."""

    def __init__(self, there: bool = True) -> None:
        self.there = there
        self.told: list[tuple[str, Sample]] = []

    @property
    def connected(self) -> bool:
        return self.there

    async def tell(self, subject: str, payload: bytes) -> bool:
        self.told.append((subject, Sample.model_validate_json(payload)))
        return True


@dataclass
class Measured:
    """What the backend says of each run; who is not here does not live. `asked`: the runs of each sweep.

    `meanwhile` happens while the runs are read.
    """

    readings: dict[str, Reading] = field(default_factory=dict)
    asked: list[list[str]] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[object]] | None = None

    async def measure(self, run_ids: Sequence[str]) -> dict[str, Reading]:
        self.asked.append(sorted(run_ids))
        if self.meanwhile is not None:
            await self.meanwhile()
        return {id: self.readings[id] for id in run_ids if id in self.readings}


class Kept(SampleFeed):
    """Samples that go nowhere."""

    def __init__(self) -> None:
        self.samples: list[Sample] = []

    def put(self, sample: Sample) -> None:
        self.samples.append(sample)


class Driven:
    """Says of every holder what the test says."""

    def __init__(self, *accelerators: Accelerator) -> None:
        self.accelerators = accelerators
        self.asked: list[Holder] = []

    def read(self, holders: Sequence[Holder]) -> dict[str, tuple[Accelerator, ...]]:
        self.asked += holders
        return {holder.run_id: self.accelerators for holder in holders if self.accelerators}


class Holding(UsageFiles):
    """Files that keep whoever saves a run's tally waiting, at its first sample and until the test lets it go on."""

    def __init__(self, files: UsageFiles, run_id: str) -> None:
        self.__dict__.update(files.__dict__)
        self._held = run_id
        self.reached = threading.Event()
        self.go_on = threading.Event()

    def save(self, run_id: str, tally: Tally) -> None:
        if run_id == self._held:
            self.reached.set()
            self.go_on.wait(LONG_S)
        super().save(run_id, tally)


@dataclass
class Node:
    """What samples are made of. `sampler()` is that of the next executor process."""

    folder: Path
    clock: ManualClock = field(default_factory=ManualClock)
    measured: Measured = field(default_factory=Measured)
    devices: Driven = field(default_factory=Driven)
    feed: Kept = field(default_factory=Kept)

    def __post_init__(self) -> None:
        self.files = UsageFiles(self.folder / "metrics")
        self.files.open(())
        self.exporter = Exporter(self.clock)

    def sampler(self, files: UsageFiles | None = None) -> Sampler:
        tallies, measure = Tallies(files or self.files), self.measured.measure
        return Sampler(measure, self.devices.read, tallies, JobFolders(), self.feed, self.exporter, self.clock)

    def reports(self, run_id: str, text: str) -> None:
        """The run appends this to its file."""
        with self.files.reports(run_id).open("a") as file:
            file.write(text)
