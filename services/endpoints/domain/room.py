"""How many connections the HTTP door takes, by the descriptors that its process may have.

SSH, the database, NATS and the connections to jobs need theirs, whatever comes to the door.
"""

from dataclasses import dataclass

LARGEST = 65_536
"""No more is planned with, also where the system sets no limit."""


@dataclass(frozen=True)
class Room:
    """`strangers`: connections without a request that was let in. `kept`: those that wait for their next one."""

    strangers: int
    of_one_address: int
    kept: int


def room(descriptors: int) -> Room:
    """An eighth for strangers, half of that for one address; a quarter for those who are known."""
    planned = min(descriptors, LARGEST) if descriptors > 0 else LARGEST
    strangers = max(2, planned // 8)
    return Room(strangers, strangers // 2, planned // 4)
