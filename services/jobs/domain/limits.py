"""The time limit of a run: when its end is due, and when its owner is warned of it.

`max_duration_s` counts each run for itself, from its `started_at`: a job that was paused, preempted or retried begins
anew. All of it follows from the state, so that any replica finds it again after a restart.
"""

from datetime import datetime, timedelta

WARNED_SHARE = 0.1
SHORTEST_WARNING_S = 5.0
LONGEST_WARNING_S = 300.0


def warning_s(max_duration_s: int) -> float:
    """How long before the end the warning comes: a tenth of the limit, 5 s to 5 min, at most half of it."""
    tenth = min(max(max_duration_s * WARNED_SHARE, SHORTEST_WARNING_S), LONGEST_WARNING_S)
    return min(tenth, max_duration_s / 2)


def warns_at(started_at: datetime, max_duration_s: int | None) -> datetime | None:
    """When the warning is due; none without a limit."""
    if max_duration_s is None:
        return None
    return started_at + timedelta(seconds=max_duration_s - warning_s(max_duration_s))


def ends_at(started_at: datetime | None, max_duration_s: int | None) -> datetime | None:
    """When the run's time is over; none without a limit, or before it started."""
    if max_duration_s is None or started_at is None:
        return None
    return started_at + timedelta(seconds=max_duration_s)
