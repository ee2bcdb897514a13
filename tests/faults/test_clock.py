"""The wall clock of the platform's machine jumps by an hour, ahead and back, under load.

What waits or judges an age goes by the monotonic clock, so nothing is lost, doubled or left waiting. NATS keeps the
true time, as it would on another machine.
"""

from pathlib import Path

from tests.support.ledger import Ledger
from tests.support.platform import platform
from tests.support.programs import needs
from tests.support.waiting import wait_until
from tests.support.wallclock import WallClock

needs("cc")

HOUR_S = 3600


def test_the_clock_jumps_an_hour_ahead_and_back_under_load(tmp_path: Path) -> None:
    clock = WallClock(tmp_path)
    with platform("v100=4", **clock.environment) as yard:
        ledger = Ledger(yard, tmp_path / "marks")
        with ledger.under_load(pause=0.3):
            for seconds in (HOUR_S, 0, -HOUR_S, 0):
                known = len(ledger.acked)
                clock.jump(seconds)
                wait_until(lambda known=known: len(ledger.acked) >= known + 10, f"jobs are taken {seconds} s away")  # type: ignore[misc]
        ledger.settle()
        ledger.check(timed=False)
