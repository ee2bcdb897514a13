"""A sample of a run, put together from what was read of it, added up, and reported by it."""

from collections.abc import Mapping, Sequence

from services.executor.domain.facts import moment
from services.executor.domain.record import Member
from services.executor.domain.used import Totals, Used, seconds_of
from shared.contracts.metrics import Accelerator, Sample


def sample_of(
    member: Member,
    at_ns: int,
    used: Used,
    reported: Mapping[str, float],
    not_finite: Sequence[str],
    dropped: int,
    memory_bytes: int | None = None,
    accelerators: Sequence[Accelerator] = (),
) -> Sample | None:
    """None of a run whose owner is not known: its member was written by an older executor."""
    if member.owner is None:
        return None
    return Sample(
        job_id=member.job_id,
        attempt=member.attempt,
        rank=member.rank,
        vc=member.vc,
        owner=member.owner,
        time=moment(at_ns),
        cpu_seconds=seconds_of(used.totals.cpu_ns),
        memory_bytes=memory_bytes,
        network=used.totals.network,
        block_read_bytes=used.totals.read_bytes,
        block_write_bytes=used.totals.write_bytes,
        accelerators=tuple(accelerators),
        reported=dict(reported),
        not_finite=tuple(not_finite),
        dropped=dropped,
    )


def first_sample(member: Member, started_ns: int, totals: Totals) -> Sample | None:
    """The run at its start, of which graphs draw its first second: zero for all that is counted by now, if anything."""
    start = totals.at_start()
    return sample_of(member, started_ns, Used(at_ns=started_ns, totals=start), {}, (), 0) if start != Totals() else None
