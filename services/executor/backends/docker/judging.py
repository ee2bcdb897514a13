"""What a run is, from what its files say and what the engine says of its container: pure, and the same each time."""

import re
from dataclasses import replace
from datetime import datetime

from services.executor.backends.docker.files import Marks
from services.executor.backends.docker.names import Container, boot_of
from services.executor.backends.process.ending import ended
from services.executor.backends.process.marks import Facts
from services.executor.domain.observation import NODE_RESTARTED, Cancelled, Ended, Lost, Observation, Started, Waiting
from shared.contracts.job import Reason

CONTAINER_REMOVED = Reason(
    code="container_removed", message="The run's container was removed from outside, for instance by `docker rm`."
)
CONTAINER_KILLED = Reason(
    code="container_killed",
    message="The run's container was killed from outside, or the Docker engine was restarted; all that ran in it has "
    "ended.",
)
OUT_OF_MEMORY = Reason(
    code="out_of_memory", message="The run went over its memory, and the kernel killed all that ran in its container."
)
MARKS_DAMAGED = Reason(
    code="marks_damaged", message="The run has overwritten what its supervisor keeps, so how it ended is not known."
)

_MOST = 1 << 62
_SIGNAL = re.compile(r"SIG[A-Z0-9+]{1,12}")


def judged(marks: Marks, container: Container | None, boot_id: str) -> Observation:
    """`container`: none if there is none, or if nobody had to ask.

    A run can write what its supervisor writes. So the engine alone says whether it lives and since when, nothing has
    ended whose container runs, and every figure has bounds. That it never starts is said where no run can write.
    """
    if marks.refused is not None:
        return marks.refused
    if marks.buried_ns is not None:
        return Cancelled(marks.buried_ns)
    if not marks.begun and marks.start is None:
        return Waiting()
    if container is not None and runs(container):
        return Started(_moment(container, "StartedAt"), int(container["State"]["Pid"]) or None)
    try:
        if marks.end is not None:
            return _believed(ended(marks.end, marks.asked), container)
    except (KeyError, ValueError):
        return Lost(MARKS_DAMAGED)
    return Lost(_gone(marks.start, container, boot_id))


def runs(container: Container | None) -> bool:
    return container is not None and bool(container["State"]["Running"])


def _believed(end: Ended | Lost, container: Container | None) -> Ended | Lost:
    """What the supervisor takes for the machine's network is the container's: it sees no other. Raises ValueError."""
    if isinstance(end, Lost):
        return end
    counts = () if end.totals is None else (end.totals.cpu_ns, end.totals.read_bytes, end.totals.write_bytes)
    if (
        not 0 <= end.exit_code <= 255
        or not 0 < end.started_ns <= end.ended_ns < _MOST
        or not 0 <= end.output_bytes < _MOST
        or (end.signal is not None and not _SIGNAL.fullmatch(end.signal))
        or any(count is not None and not 0 <= count < _MOST for count in counts)
    ):
        raise ValueError("no supervisor wrote this")
    if container is not None:
        began, over = _moment(container, "StartedAt"), _moment(container, "FinishedAt")
        end = replace(end, started_ns=began, ended_ns=end.ended_ns if began <= end.ended_ns <= over else over)
    return replace(end, totals=None if end.totals is None else replace(end.totals, network_scope="run"))


def _gone(start: Facts | None, container: Container | None, boot_id: str) -> Reason:
    """Why a run's container does not run that has concluded nothing."""
    if container is None:
        earlier = start is not None and start.get("boot_id", boot_id) != boot_id
        return NODE_RESTARTED if earlier else CONTAINER_REMOVED
    if boot_of(container) != boot_id:
        return NODE_RESTARTED
    if start is None:
        return MARKS_DAMAGED
    return OUT_OF_MEMORY if container["State"]["OOMKilled"] else CONTAINER_KILLED


def _moment(container: Container, name: str) -> int:
    """One of the engine's times, `2026-11-28T19:50:12.123456789Z`, in nanoseconds since 1970."""
    seconds, _, fraction = str(container["State"][name]).removesuffix("Z").partition(".")
    whole = int(datetime.fromisoformat(f"{seconds}+00:00").timestamp())
    return whole * 1_000_000_000 + int(fraction.ljust(9, "0")[:9] or 0)
