"""Sessions that were told to end: all of them get their time, and then SIGKILL until nothing is left."""

import signal
import time
from collections.abc import Iterable

from services.executor.backends.process import linux

AGAIN_S = 0.05
"""Until it is looked again whether anything of it is left."""

Process = tuple[int, int | None]
"""By pid and start time, so that nobody who has got the same number is taken for it."""


class EndingSession:
    """One, and its processes that have left it but are to go with it."""

    __slots__ = ("deadline", "leader", "others")

    def __init__(self, leader: int, deadline: float, others: frozenset[Process]) -> None:
        self.leader = leader
        self.deadline = deadline
        self.others = others


class EndingSessions:
    """Those of one run."""

    def __init__(self) -> None:
        self._sessions: list[EndingSession] = []

    @property
    def next_at(self) -> float | None:
        """When `sweep` has something to do, on the monotonic clock."""
        return min((session.deadline for session in self._sessions), default=None)

    def begin(self, leader: int, number: int, patience_s: float, others: Iterable[Process] = ()) -> None:
        """Send this signal to the session of this leader; after `patience_s` those go as well who have left it."""
        for pid in linux.in_session(leader):
            linux.send(pid, number)
            linux.send(pid, signal.SIGCONT)
        self._sessions.append(EndingSession(leader, time.monotonic() + patience_s, frozenset(others)))

    def sweep(self, now: float) -> None:
        """End for good what has had its time."""
        for session in [session for session in self._sessions if session.deadline <= now]:
            left = linux.in_session(session.leader)
            left += [pid for pid, started in session.others if linux.start_time(pid) == started]
            for pid in left:
                linux.send(pid, signal.SIGKILL)
            session.deadline = now + AGAIN_S
            if not left:
                self._sessions.remove(session)
