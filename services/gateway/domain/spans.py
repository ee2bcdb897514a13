"""Which moments of a job's METRICS are meant: `start`, `end` and `step` as people and Prometheus write them.

A moment is RFC 3339 with its zone, seconds since 1970, `now`, or `-1h` for so long ago. Without them it is the last
hour of the job's life, in about POINTS steps.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

from shared.contracts.errors import FieldError, Invalid
from shared.contracts.job import HOLDING, TERMINAL, Job
from shared.contracts.metrics import MAX_POINTS, JobUsage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
SETTLING = timedelta(seconds=5)
"""A run's last sample may be so much younger than the moment that counts as its job's end."""

POINTS = 240
"""The points of a graph, unless a step was asked for."""

SHORTEST_S = 1.0
"""Samples come no closer."""

STEPS = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400)
DAY_S = 86_400

_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": DAY_S, "w": 7 * DAY_S}
_AGO = re.compile(r"-([0-9]{1,9})([smhdw])", re.ASCII)
_SINCE_1970 = re.compile(r"[0-9]{1,12}(\.[0-9]{1,9})?", re.ASCII)
_LENGTH = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)([smhdw]?)", re.ASCII)

MOMENT = (
    "must be a moment since 1970: with its time zone as in 2026-11-23T09:00:00Z, in seconds, 'now', or '-1h' for so "
    "long ago"
)
STEP = "must be seconds, or a duration as in '15s', '5m' or '1h', and at least 1 second"


@dataclass(frozen=True)
class Life:
    """When a job began, and when it ended or last ran; None: it is under way."""

    began: datetime
    ended: datetime | None


@dataclass(frozen=True)
class Span:
    """From `start` to `end`, one point each `step_s` seconds."""

    start: datetime
    end: datetime
    step_s: float


def life(job: Job, usage: JobUsage | None) -> Life:
    """A job that waits or is paused last lived when its last run ended; a killed one as well, if that was before."""
    began = job.started_at if job.attempt == 1 and job.started_at is not None else job.submitted_at
    if job.status in HOLDING:
        return Life(began, None)
    ends = [job.finished_at] if job.status in TERMINAL and job.finished_at is not None else []
    if usage is not None and usage.updated_at is not None and not usage.live:
        ends.append(usage.updated_at)
    return Life(began, max(min(ends), began) if ends else None)


def span(of: Life, now: datetime, start: str | None, end: str | None, step: str | None) -> Span:
    """The span that is meant. Raises Invalid, naming what is wrong.

    What was left out gives way a little, so that the last point lies at the end, and so that the graph of a job that
    runs keeps its points from one look to the next.
    """
    begins = _moment("start", start, now) if start is not None else None
    ends = _moment("end", end, now) if end is not None else min(now, of.ended + SETTLING) if of.ended else now
    if begins is None:
        begins = max(ends - HOUR, of.began) if of.began < ends else ends - HOUR
    elif end is None and begins >= ends:
        ends = now
    if begins >= ends:
        raise wrong("start", "must be before the end; exchange the two, or leave one out")
    length_s = (ends - begins).total_seconds()
    step_s = _step(step) if step is not None else _fitting(length_s)
    if start is None and end is None:
        ends = datetime.fromtimestamp(ceil(ends.timestamp() / step_s) * step_s, UTC)
    steps = ceil((ends - begins).total_seconds() / step_s)
    if steps >= MAX_POINTS:
        raise wrong(
            "step",
            f"would make more than {MAX_POINTS:,} points of each series; take a step of "
            f"{ceil(length_s / (MAX_POINTS - 2))} s or more, or a shorter time",
        )
    if start is None:
        begins = ends - timedelta(seconds=steps * step_s)
    elif end is None:
        ends = begins + timedelta(seconds=steps * step_s)
    return Span(begins, ends, step_s)


def wrong(field: str, message: str) -> Invalid:
    """The refusal that names this parameter."""
    return Invalid(f"{field}: {message}.", (FieldError(field=field, message=message),))


def _moment(field: str, text: str, now: datetime) -> datetime:
    try:
        moment = _read(text, now)
        if moment.tzinfo is not None and moment >= EPOCH:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise wrong(field, MOMENT)


def _read(text: str, now: datetime) -> datetime:
    """Raises ValueError, OverflowError."""
    if text == "now":
        return now
    if ago := _AGO.fullmatch(text):
        return now - timedelta(seconds=int(ago[1]) * _SECONDS[ago[2]])
    if _SINCE_1970.fullmatch(text):
        return datetime.fromtimestamp(float(text), UTC)
    return datetime.fromisoformat(text)


def _step(text: str) -> float:
    found = _LENGTH.fullmatch(text)
    step_s = float(found[1]) * _SECONDS[found[2] or "s"] if found else 0.0
    if step_s < SHORTEST_S:
        raise wrong("step", STEP)
    return step_s


def _fitting(length_s: float) -> float:
    """The shortest usual step that makes at most POINTS steps."""
    least = length_s / POINTS
    return float(next((step for step in STEPS if step >= least), ceil(least / DAY_S) * DAY_S))
