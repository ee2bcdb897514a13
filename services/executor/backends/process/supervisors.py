"""The supervisors of the runs that live here, as the runs' files and the kernel know them."""

import contextlib
import os
import signal
from dataclasses import dataclass

from services.executor.backends.process import linux, marks
from shared.contracts.errors import Conflict


@dataclass(frozen=True)
class Supervisor:
    """A supervisor by the facts that it has claimed its run with."""

    pid: int
    facts: marks.Facts

    @property
    def lives(self) -> bool:
        """Whether it is still there: its pid alone may be somebody else's by now."""
        return str(linux.start_time(self.pid)) == self.facts["start_time"]

    def send(self, number: int) -> bool:
        """Signal it, and never another process; false if it has gone."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.lives:
                return False
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
        finally:
            os.close(handle)
        return True


def claimed(facts: marks.Facts | None, boot_id: str) -> Supervisor | None:
    """Who has claimed the run since the machine started; none for a tombstone, or a run that nobody has."""
    if facts is None or not facts["pid"] or facts["boot_id"] != boot_id:
        return None
    return Supervisor(int(facts["pid"]), facts)


def supervisor_of(base: str, boot_id: str) -> Supervisor:
    """Of the run whose files begin with `base`. Raises Conflict when it does not live."""
    start, end = marks.read(base)
    supervisor = claimed(start, boot_id)
    if supervisor is None or end is not None or not supervisor.lives:
        raise not_running()
    return supervisor


def not_running() -> Conflict:
    return Conflict("The job has no run here that one could come into.", details={"code": "run_not_running"})
