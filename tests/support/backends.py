"""The backends that this run of the tests is about. `process` needs nothing; the others need an engine or a cluster,
and have a target of their own in the Makefile, which says so here.
"""

import os

BACKENDS = tuple(os.environ.get("JOBYARD_TEST_BACKENDS", "process").split(","))


def files_of(backend: str) -> list[str]:
    """What a folder of tests of one backend alone is to ignore (pytest's `collect_ignore_glob`)."""
    return [] if backend in BACKENDS else ["test_*"]
