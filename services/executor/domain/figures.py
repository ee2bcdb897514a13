"""What a run uses of one device, whoever made that."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figures:
    """At this moment. None: not known, which is never zero."""

    utilization: float | None = None
    """From 0 to 1."""
    memory_bytes: int | None = None
