"""The two ends of a child's streams, the caller's and the child's, both made by the executor.

What nobody else has made, nobody else holds: a run that has no more than its own end can't have the caller's block.
"""

import fcntl
import os
import stat
import termios
from contextlib import ExitStack

_PTMX = os.makedev(5, 2)
_UNLOCK, _PEER = 0x40045431, 0x5441
"""Linux's TIOCSPTLCK and TIOCGPTPEER, which `termios` does not have."""
_NEW = os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC

Ends = tuple[dict[str, int], list[int]]
"""The caller's, by their names, and the child's."""


def pipes() -> Ends:
    """Raises OSError."""
    with ExitStack() as made:
        stdin, stdout, stderr = (_kept(made, os.pipe2(os.O_CLOEXEC)) for _ in range(3))
        made.pop_all()
    return {"stdin": stdin[1], "stdout": stdout[0], "stderr": stderr[0]}, [stdin[0], stdout[1], stderr[1]]


def terminal(ptmx: int, rows: int, columns: int, owner: int) -> Ends:
    """A new terminal among the run's own, which `ptmx` leads to. Raises OSError, ValueError when it leads elsewhere."""
    seen = os.fstat(ptmx)
    if not stat.S_ISCHR(seen.st_mode) or seen.st_rdev != _PTMX:
        raise ValueError("what came does not lead to terminals")
    with ExitStack() as made:
        mine = os.open(f"/proc/self/fd/{ptmx}", _NEW | os.O_NONBLOCK)
        made.callback(os.close, mine)
        fcntl.ioctl(mine, _UNLOCK, bytes(4))
        theirs: int = fcntl.ioctl(mine, _PEER, _NEW)
        made.callback(os.close, theirs)
        termios.tcsetwinsize(mine, (rows, columns))
        if os.fstat(theirs).st_uid != owner:
            os.fchown(theirs, owner, -1)
        made.pop_all()
    return {"terminal": mine}, [theirs]


def _kept(made: ExitStack, ends: tuple[int, int]) -> tuple[int, int]:
    """Both are closed again unless all else that a child needs could be made too."""
    for end in ends:
        made.callback(os.close, end)
    return ends
