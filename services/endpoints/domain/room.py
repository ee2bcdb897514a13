"""How many connections the HTTP door takes, and files a TensorBoard, by the descriptors that their process may have.

SSH, the database, NATS and the connections to jobs need theirs, whatever comes to the door.
"""

from dataclasses import dataclass

from services.endpoints.domain.boards import AT_ONCE

LARGEST = 65_536
"""No more is planned with, also where the system sets no limit."""
MOST_FILES = 1000
"""Event files of one TensorBoard."""


@dataclass(frozen=True)
class Room:
    """`strangers`: connections without a request that was let in. `kept`: those that wait for their next one."""

    strangers: int
    of_one_address: int
    kept: int


def room(descriptors: int) -> Room:
    """An eighth for strangers, half of that for one address; a quarter for those who are known."""
    planned = _planned(descriptors)
    strangers = max(2, planned // 8)
    return Room(strangers, strangers // 2, planned // 4)


def event_files(descriptors: int) -> int:
    """Of one of the TensorBoards that are shown at one time (`boards.py`), which have a quarter together."""
    return min(MOST_FILES, _planned(descriptors) // (4 * AT_ONCE))


def _planned(descriptors: int) -> int:
    return min(descriptors, LARGEST) if descriptors > 0 else LARGEST
