"""Which part of a GPU's use is a run's: that of its processes, as far as the driver tells processes apart.

A device is held by one run alone. So what the driver does not tell by process is the device's own figure, which is the
run's unless somebody uses the device behind the platform's back.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from services.executor.domain.figures import Figures


@dataclass(frozen=True)
class GpuFacts:
    """What a driver says of one GPU; None: it does not."""

    utilization: float | None = None
    """From 0 to 1: the share of time in which something ran on it."""
    memory_bytes: int | None = None
    process_memory: Mapping[int, int | None] = field(default_factory=dict)
    """By process, of those that are on it now."""
    process_utilization: Mapping[int, float] = field(default_factory=dict)
    """By process, of those that used it lately; empty also where the driver does not know."""


def used_by(facts: GpuFacts, pids: Iterable[int]) -> Figures:
    """The run's share.

    A run whose processes the driver does not know has not come to the GPU yet, or its numbers are another pid
    namespace's: then nothing is known by process.
    """
    own = set(pids) & facts.process_memory.keys()
    if not own:
        return Figures(facts.utilization, facts.memory_bytes)
    held = [facts.process_memory[pid] for pid in own]
    known = [size for size in held if size is not None]
    memory = sum(known) if len(known) == len(held) else facts.memory_bytes
    if not facts.process_utilization:
        return Figures(facts.utilization, memory)
    used = sum(facts.process_utilization.get(pid, 0.0) for pid in own)
    return Figures(min(used, 1.0), memory)
