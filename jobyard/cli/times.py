"""Moments and durations as people read and write them: local time on both sides, two units at most."""

import re
from datetime import UTC, date, datetime, time, timedelta

import typer

_AGO = re.compile(r"([0-9]{1,9})\s*([smhdw])(?:\s+ago)?", re.IGNORECASE)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?")
_MOMENT = re.compile(rf"{_DAY.pattern}[T ]{_CLOCK.pattern}")
_IN_SENTENCES = re.compile(rf"({_DAY.pattern} [0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}) UTC")

AGES_S = 1e12
"""Some 30,000 years, the longest time that the platform's own contracts have."""

MOMENT = "MOMENT"
MOMENT_HELP = "2026-11-23, 2026-11-23T09:00 (local time unless it names its zone), or 2h, 3d for so long ago"


def moment_of(text: str, now: datetime | None = None) -> datetime:
    """The moment that is meant, in UTC: RFC 3339 with or without fraction and zone, a date, or `2h` ago.

    Raises ValueError.
    """
    given = text.strip()
    try:
        if ago := _AGO.fullmatch(given):
            passed = timedelta(seconds=int(ago[1]) * _SECONDS[ago[2].lower()])
            return (now or datetime.now(UTC)).astimezone(UTC) - passed
        if _DAY.fullmatch(given):
            return datetime.combine(date.fromisoformat(given), time()).astimezone(UTC)
        if _MOMENT.fullmatch(given.upper()):
            return datetime.fromisoformat(given.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise ValueError(f"'{text}' is no moment; write it like {MOMENT_HELP}.")


def moment_option(text: str) -> datetime:
    """The same for an option of the command line."""
    try:
        return moment_of(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def since_option(text: str) -> str:
    """The same, as the platform takes it; what is so long ago stays so while time goes on: `-2h`."""
    moment = moment_option(text)
    ago = _AGO.fullmatch(text.strip())
    return f"-{int(ago[1])}{ago[2].lower()}" if ago else moment.isoformat().replace("+00:00", "Z")


def local(moment: datetime | None) -> str:
    """`2026-11-23 23:12:50`, in this machine's time zone."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "-"


def with_local_times(sentence: str) -> str:
    """A sentence of the platform's with its moments, `2026-11-23 23:12:50 UTC`, in this machine's time zone."""
    return _IN_SENTENCES.sub(_there, sentence)


def _there(found: re.Match[str]) -> str:
    try:
        return local(datetime.fromisoformat(found[1]).replace(tzinfo=UTC))
    except (ValueError, OverflowError):  # it only looks like a moment
        return found[0]


def brief(moment: datetime | None, now: datetime | None = None) -> str:
    """`23:12:50` today, `Nov 22 23:12` this year, else the date."""
    if moment is None:
        return "-"
    there, today = moment.astimezone(), (now or datetime.now(UTC)).astimezone()
    if there.date() == today.date():
        return there.strftime("%H:%M:%S")
    return there.strftime("%b %d %H:%M") if there.year == today.year else there.strftime("%Y-%m-%d")


def precise(moment: datetime) -> str:
    """`23:12:50.123`, for events that lie close together; with the date when it is not today's."""
    there = moment.astimezone()
    clock = there.isoformat(sep=" ", timespec="milliseconds")[:23]
    return clock[11:] if there.date() == datetime.now().astimezone().date() else clock


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`; more than anybody has time for is `ages`."""
    if not seconds < AGES_S:
        return "ages"
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit} {rest} {smaller}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"
