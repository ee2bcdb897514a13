"""Which worker runs which tests, and when, where they run side by side.

A file is one worker's. The slow kinds come first, and files that would disturb one another are all one worker's.
"""

from xdist.scheduler import LoadFileScheduling

SLOWEST_FIRST = ("browser", "docker", "kubernetes", "faults", "integration", "contract")
"""Folders of tests; those of the others are quick."""

TOGETHER = (
    "tests/browser/",
    "tests/contract/test_backend",
    "tests/docker/",
    "tests/kubernetes/",
)
"""Containers and pods come with interfaces of their own, and whenever those of the machine change, Chromium gives up
what it loads (ERR_NETWORK_CHANGED). Whatever starts the one or the other has a line here, so that they take turns."""


def turn_of(test: str) -> int:
    """When a test's turn is, by its id; the lower, the sooner."""
    folder = test.removeprefix("tests/").partition("/")[0]
    return SLOWEST_FIRST.index(folder) if folder in SLOWEST_FIRST else len(SLOWEST_FIRST)


class Files(LoadFileScheduling):  # type: ignore[misc]
    """Hands out whole files, in the order in which the tests stand."""

    def _split_scope(self, nodeid: str) -> str:
        return "together" if nodeid.startswith(TOGETHER) else str(super()._split_scope(nodeid))
