"""Who holds which devices on this node, as those who read the devices need to know it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Holder:
    """A living run."""

    run_id: str
    device_type: str
    devices: tuple[int, ...]
    pids: tuple[int, ...]
