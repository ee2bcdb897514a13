"""Adds up what a run uses and reports, sample by sample, and keeps the sum where the next executor process finds it.

All of it touches the disk: call it in a thread, and only once at a time.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from services.executor.domain import reports as lines
from services.executor.domain.observation import Ended
from services.executor.domain.reading import Reading
from services.executor.domain.record import RunRecord
from services.executor.domain.samples import sample_of
from services.executor.domain.used import SECOND_NS, Used
from services.executor.usage import reports
from services.executor.usage.files import Tally, UsageFiles
from shared.contracts.metrics import Accelerator, RunUsage, Sample


@dataclass(frozen=True)
class Step:
    """A run's tally after one more sample."""

    tally: Tally
    sample: Sample | None


class Tallies:
    """Those of one node's runs."""

    def __init__(self, files: UsageFiles) -> None:
        self._files = files

    def open(self, known: Collection[str]) -> None:
        """Before the first run. `known`: those that an earlier process has left here."""
        self._files.open(known)

    def begin(self, run_id: str, started_ns: int) -> Tally:
        """Where an earlier process was with this run, else at its start."""
        return self._files.load(run_id) or _begun(started_ns)

    def add(self, record: RunRecord, tally: Tally, reading: Reading, accelerators: tuple[Accelerator, ...]) -> Step:
        """One more sample."""
        used = tally.used.after(reading, accelerators)
        tally, fresh = self._reported(record.id, tally.model_copy(update={"used": used}))
        self._files.save(record.id, tally)
        sample = sample_of(record, reading.at_ns, used, fresh, tally.dropped, reading.memory_bytes, accelerators)
        return Step(tally, sample)

    def conclude(self, record: RunRecord, seen: Ended, tally: Tally | None) -> Step:
        """The last sample of a run, and its usage; no sample if that was done before.

        One that was never sampled leaves nothing on the disk: its usage is the same whenever it is made.
        """
        known = tally or self._files.load(record.id)
        if known is not None and known.usage is not None:
            return Step(known, None)
        before = known or _begun(seen.started_ns)
        used = before.used.ended(seen.totals)
        tally, fresh = self._reported(record.id, before.model_copy(update={"used": used}), last=True)
        tally = tally.model_copy(update={"usage": _usage(record, tally, seen.ended_ns)})
        if known is not None:
            self._files.save(record.id, tally)
        return Step(tally, sample_of(record, seen.ended_ns, used, fresh, tally.dropped))

    def lost(self, record: RunRecord) -> RunUsage | None:
        """What a run had used by its last sample; none if it had none."""
        tally = self._files.load(record.id)
        return _usage(record, tally, tally.used.at_ns) if tally is not None else None

    def remove(self, run_ids: Collection[str]) -> None:
        self._files.remove(run_ids)

    def _reported(self, run_id: str, tally: Tally, last: bool = False) -> tuple[Tally, Mapping[str, float]]:
        """With what the run has reported since, and that alone."""
        look = reports.look(self._files.reports(run_id), tally.position, last)
        found = lines.read(look.lines, tally.reported)
        changed = {
            "position": look.position,
            "reported": {**tally.reported, **found.values},
            "dropped": tally.dropped + look.passed_over + found.dropped,
        }
        return tally.model_copy(update=changed), found.values


def _begun(started_ns: int) -> Tally:
    return Tally(started_ns=started_ns, used=Used(at_ns=started_ns))


def _usage(record: RunRecord, tally: Tally, ended_ns: int) -> RunUsage:
    seconds = max(0, ended_ns - tally.started_ns) / SECOND_NS
    sum = tally.used.usage(seconds, len(record.devices))
    return sum.model_copy(update={"reported": tally.reported, "dropped": tally.dropped})
