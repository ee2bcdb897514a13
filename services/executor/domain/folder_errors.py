"""Which errors of a run's folders end its attempt for good.

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
