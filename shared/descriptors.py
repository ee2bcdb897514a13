"""How many files and connections a process may have open at once: as many as the system lets it.

A run in a cluster holds a connection for as long as it lives, one in a container a few while somebody is in it. The
soft limit is 1024 on most systems, for programs that call select(2), which nothing here does. Runs of `process` inherit
it, so there it stays as it is.
"""

import resource

import structlog

log = structlog.get_logger()


def allow_all() -> int:
    """Raise the soft limit to the hard one; what it is now."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        log.info("open_files_limit_raised", before=soft, now=hard)
    return hard
