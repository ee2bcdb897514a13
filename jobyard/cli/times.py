"""Moments and durations as people read them: local time, two units at most."""

from datetime import UTC, datetime


def local(moment: datetime | None) -> str:
    """`2026-11-23 23:12:50`, in this machine's time zone."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S") if moment else "-"


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
    """`0.4 s`, `12 s`, `3 min 5 s`, `2 h 10 min`, `4 d 3 h`."""
    if seconds < 10:
        return f"{max(seconds, 0):.1f} s"
    whole = round(seconds)
    for size, unit, smaller_size, smaller in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller_size
            return f"{whole // size} {unit} {rest} {smaller}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"
