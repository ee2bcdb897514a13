"""What errors of folders say: which of them end a run's attempt for good, and which that a disk is full.

A storage that does not answer, a handle that is stale, or a process that may open no more files passes by itself, and
would be the same for every job that is started meanwhile. So what is not known to be final is asked again.
"""

import errno

_FINAL = frozenset(
    (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.ELOOP,
        errno.ENAMETOOLONG,
    )
)


def is_final(error: OSError) -> bool:
    """Whether it would be the same another time."""
    return error.errno in _FINAL


def is_full(error: OSError) -> bool:
    """Whether it says that a disk, or somebody's share of it, is full."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT)
