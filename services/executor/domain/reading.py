"""What a run has used, as its backend counts it at one moment."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Reading:
    """Totals since the run's start, over every process that it has and had; None: not known.

    A total may seem to fall for a moment while processes end; who keeps readings never lets it.
    """

    at_ns: int
    """Nanoseconds since 1970."""
    cpu_ns: int | None = None
    memory_bytes: int | None = None
    """At this moment: usage less inactive file pages, else the sum of PSS."""
    receive_bytes: int | None = None
    transmit_bytes: int | None = None
    network_scope: Literal["run", "host"] = "run"
    """`host`: the whole machine's since the run's start, where the run's own cannot be counted."""
    read_bytes: int | None = None
    """From block devices."""
    write_bytes: int | None = None
    pids: tuple[int, ...] = ()
    """The living processes, by which devices' drivers know the run."""
