"""Which TensorBoards of jobs that are over may be shown at one time, and which one makes room for another."""

from collections.abc import Mapping
from dataclasses import dataclass

AT_ONCE = 4
OF_ONE_OWNER = 2


@dataclass(frozen=True)
class Shown:
    """One of them. `used`: when it was last; None while it is being started, and is not to be ended."""

    owner: str
    used: float | None


def makes_room(shown: Mapping[str, Shown], owner: str) -> tuple[str, ...] | None:
    """What has to end before one of this owner starts, the owner's own first; None: there is no room now."""
    own = {id: board for id, board in shown.items() if board.owner == owner}
    if len(own) >= OF_ONE_OWNER:
        return _least_used(own)
    return _least_used(shown) if len(shown) >= AT_ONCE else ()


def _least_used(shown: Mapping[str, Shown]) -> tuple[str] | None:
    used = {id: board.used for id, board in shown.items() if board.used is not None}
    return (min(used, key=used.__getitem__),) if used else None
