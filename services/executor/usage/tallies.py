"""Adds up what a run uses and reports, sample by sample, and keeps the sum where the next executor process finds it.

All of it touches this node's disk: call it in a thread, and only once at a time for one run. `look`: at what a run
reports, if that is not to a file here (see `looks`). What cannot become a sample is not
saved, and raises one of `WRONG`: that is one run's misfortune, since it can write to its own files.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import structlog

from services.executor.domain import reports as lines
from services.executor.domain.observation import Ended
from services.executor.domain.reading import Reading
from services.executor.domain.record import Member
from services.executor.domain.reports import Reported
from services.executor.domain.samples import first_sample, sample_of
from services.executor.domain.used import SECOND_NS, Used
from services.executor.usage import reports
from services.executor.usage.files import Tally, UsageFiles
from services.executor.usage.reports import Look
from shared.contracts.metrics import Accelerator, RunUsage, Sample

log = structlog.get_logger()

WRONG = (ValueError, ArithmeticError, OSError)
"""What figures that are none lead to; a ValidationError is one of them."""


@dataclass(frozen=True)
class Step:
    """A run's tally after one more sample: that one, and before the first one the run's start. `usage`: it is over."""

    tally: Tally
    samples: Sequence[Sample] = ()
    usage: RunUsage | None = None


def begun(started_ns: int) -> Tally:
    """Of a run at its start."""
    return Tally(started_ns=started_ns, used=Used(at_ns=started_ns))


def last_values(tally: Tally) -> dict[str, float]:
    """Of everything that the run has reported; NaN where it was not finite."""
    return {**tally.reported, **dict.fromkeys(tally.not_finite, math.nan)}


class Tallies:
    """Those of one node's runs."""

    def __init__(self, files: UsageFiles) -> None:
        self._files = files

    def open(self, known: Collection[str]) -> None:
        """Before the first run. `known`: those that an earlier process has left here."""
        self._files.open(known)

    def kept(self, member: Member) -> Tally | None:
        """As of the last sample that anybody took; none if nobody did."""
        return self._files.load(member.id)

    def add(
        self,
        member: Member,
        started_ns: int,
        known: Tally | None,
        reading: Reading,
        accelerators: tuple[Accelerator, ...],
        all_values: bool,
        look: Look | None,
    ) -> Step:
        """One more sample. Without a known tally it goes on where an earlier process was, else at the run's start."""
        known = known or self.kept(member)
        before = known or begun(started_ns)
        used = before.used.after(reading, accelerators)
        tally, fresh = self._reported(member, _with(before, started_ns=started_ns, used=used, ended_ns=None), look)
        told = _told(tally, fresh, all_values)
        sample = sample_of(member, reading.at_ns, used, *told, reading.memory_bytes, accelerators)
        start = first_sample(member, started_ns, used.totals) if known is None else None
        self._files.save(member.id, tally)
        return Step(tally, _there(start, sample))

    def conclude(self, member: Member, seen: Ended, tally: Tally | None, all_values: bool, look: Look | None) -> Step:
        """The last sample of a run, and its usage; no sample if that was done before.

        One that was never sampled leaves nothing on the disk: its usage is the same whenever it is made. One whose
        tally leads to nothing is summed up as if it had none.
        """
        known = tally or self.kept(member)
        try:
            return self._concluded(member, seen, known, all_values, look)
        except WRONG as error:
            log.warning("usage_begun_anew", run_id=member.id, error=str(error))
        return self._concluded(member, seen, None, all_values, look)

    def lost(self, member: Member) -> RunUsage | None:
        """What a run had used by its last sample; none if it had none."""
        tally = self.kept(member)
        return _usage(member, tally, tally.used.at_ns) if tally is not None else None

    def remove(self, run_ids: Collection[str]) -> None:
        self._files.remove(run_ids)

    def _concluded(self, member: Member, seen: Ended, known: Tally | None, all_values: bool, look: Look | None) -> Step:
        if known is not None and known.ended_ns == seen.ended_ns:
            return Step(known, (), _usage(member, known, seen.ended_ns))
        before = known or begun(seen.started_ns)
        used = before.used.ended(seen.totals)
        over = _with(before, started_ns=seen.started_ns, used=used, ended_ns=seen.ended_ns)
        tally, fresh = self._reported(member, over, look, last=True)
        usage = _usage(member, tally, seen.ended_ns)
        sample = sample_of(member, seen.ended_ns, used, *_told(tally, fresh, all_values))
        if known is not None:
            self._files.save(member.id, tally)
            return Step(tally, _there(sample), usage)
        return Step(tally, _there(first_sample(member, seen.started_ns, used.totals), sample), usage)

    def _reported(self, member: Member, tally: Tally, look: Look | None, last: bool = False) -> tuple[Tally, Reported]:
        """With what the run has reported since, and that alone."""
        if look is None:
            look = reports.look(self._files.reports(member.id), tally.position, last)
        fresh = lines.read(look.lines, tally.names)
        values = {**tally.reported, **fresh.values}
        changed = {
            "position": look.position,
            "reported": {name: value for name, value in values.items() if name not in fresh.not_finite},
            "not_finite": tuple(
                {name: None for name in (*tally.not_finite, *fresh.not_finite) if name not in fresh.values}
            ),
            "dropped": tally.dropped + look.passed_over + fresh.dropped,
        }
        return _with(tally, **changed), fresh


def _with(tally: Tally, **changes: Any) -> Tally:
    """A copy that is looked at again, so that nothing is kept that cannot be read."""
    return Tally(**(dict(tally) | changes))


def _told(tally: Tally, fresh: Reported, all_values: bool) -> tuple[dict[str, float], Sequence[str], int]:
    """What a sample says of reports: what is new, or all of it."""
    if all_values:
        return tally.reported, tally.not_finite, tally.dropped
    return dict(fresh.values), fresh.not_finite, tally.dropped


def _there(*samples: Sample | None) -> tuple[Sample, ...]:
    return tuple(sample for sample in samples if sample is not None)


def _usage(member: Member, tally: Tally, ended_ns: int) -> RunUsage:
    seconds = max(0, ended_ns - tally.started_ns) / SECOND_NS
    sum = tally.used.usage(seconds, len(member.devices))
    said = {"reported": tally.reported, "not_finite": tally.not_finite, "dropped": tally.dropped}
    return RunUsage(**(dict(sum) | said))
