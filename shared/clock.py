"""Time comes in through here, so that decisions stay pure and tests can move it."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The two kinds of time: a moment to record, and a count of seconds to measure with."""

    def now(self) -> datetime:
        """The moment in UTC, in whole milliseconds; it may jump when somebody sets the machine's clock."""

    def monotonic(self) -> float:
        """Seconds that never go back; only differences mean anything."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        moment = datetime.now(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

    def monotonic(self) -> float:
        return time.monotonic()
