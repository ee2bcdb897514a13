"""A clock that only a test moves."""

from datetime import UTC, datetime, timedelta


class ManualClock:
    """Both kinds of time, as `shared.clock.Clock` has them."""

    def __init__(self, now: datetime = datetime(2026, 11, 23, 23, 12, 50, tzinfo=UTC)) -> None:
        self._now = now
        self._seconds = 0.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._seconds

    def advance(self, seconds: float) -> None:
        """Let so much time pass."""
        self._now += timedelta(seconds=seconds)
        self._seconds += seconds

    def set_wall(self, now: datetime) -> None:
        """Somebody sets the machine's clock; what is measured with it does not move."""
        self._now = now
