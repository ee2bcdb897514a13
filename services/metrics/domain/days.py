"""What an attempt adds to the days that it ran on (UTC), so that a day's row never counts more than a day holds.

What was measured over the whole attempt is divided as its time is; what a preemption or a failure undid counts on the
days on which it had been done. The attempt itself counts on the day on which it ended.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

from services.metrics.domain.attempt import Attempt
from shared.contracts.metrics import UsageRow

MOST_DAYS = 400
"""An attempt that is said to have run longer (a clock that was wrong) counts on its last day alone."""

HOUR_S = 3600.0
_DAY = timedelta(days=1)

SUMMED = (
    "runs",
    "device_hours",
    "idle_hours",
    "unknown_hours",
    "lost_to_preemption_hours",
    "lost_to_failure_hours",
    "cpu_hours",
)
"""The fields of a row that add up; the others say whose it is."""


def charges(attempt: Attempt) -> list[UsageRow]:
    """A row for each day that the attempt ran on, of what it adds there."""
    last = attempt.ended_at.astimezone(UTC).date()
    return [_charge(attempt, day, begin, end, is_last=day == last) for day, begin, end in _days(attempt)]


def added(row: UsageRow, more: Sequence[UsageRow]) -> UsageRow:
    """The row with what these add to it."""
    sums = {field: getattr(row, field) + sum(getattr(one, field) for one in more) for field in SUMMED}
    return row.model_copy(update=sums)


def _days(attempt: Attempt) -> Iterator[tuple[date, datetime, datetime]]:
    """Each day with the part of the attempt's time that lies in it, the last one also if it is a moment only."""
    begin, end = attempt.started_at.astimezone(UTC), attempt.ended_at.astimezone(UTC)
    if end - begin > MOST_DAYS * _DAY:
        yield end.date(), begin, end
        return
    while begin.date() < end.date():
        midnight = datetime(begin.year, begin.month, begin.day, tzinfo=UTC) + _DAY
        yield begin.date(), begin, midnight
        begin = midnight
    yield end.date(), begin, end


def _charge(attempt: Attempt, day: date, begin: datetime, end: datetime, *, is_last: bool) -> UsageRow:
    seconds, usage = attempt.usage.seconds, attempt.usage
    whole = (attempt.ended_at - attempt.started_at).total_seconds()
    share = (end - begin).total_seconds() / whole if whole > 0 else 1.0
    hours = share / HOUR_S
    if attempt.devices:
        idle, unknown = attempt.device_idle_seconds, attempt.device_seconds - attempt.device_measured_seconds
    else:
        idle, unknown = 0.0, attempt.held * seconds if usage.cpu_seconds is None else 0.0
    return UsageRow(
        day=day,
        vc=attempt.vc,
        owner=attempt.owner,
        device_type=attempt.device_type,
        runs=int(is_last),
        device_hours=attempt.held * seconds * hours,
        idle_hours=idle * hours,
        unknown_hours=unknown * hours,
        lost_to_preemption_hours=attempt.held * _undone_s(attempt.preempted_since, begin, end) / HOUR_S,
        lost_to_failure_hours=attempt.held * _undone_s(attempt.failed_since, begin, end) / HOUR_S,
        cpu_hours=(usage.cpu_seconds or 0.0) * hours,
    )


def _undone_s(since: datetime | None, begin: datetime, end: datetime) -> float:
    """How much of the time from `begin` to `end` is undone."""
    return max((end - max(since, begin)).total_seconds(), 0.0) if since is not None else 0.0
