"""Which worker runs which tests, and when, where they run side by side.

A file is one worker's, and the slow kinds come first. The tests of a backend that has an engine or a cluster are one
worker's too, since all of them share that one; and where a browser is among the tests, they and it take turns in one.
"""

import re

from xdist.scheduler import LoadFileScheduling

SLOWEST_FIRST = ("browser", "docker", "kubernetes", "faults", "integration", "contract")
"""Folders of tests; those of the others are quick."""
BROWSER = "tests/browser/"
"""Containers and pods come with interfaces of their own, and whenever those of the machine change, Chromium gives up
what it loads (ERR_NETWORK_CHANGED)."""
_OF_A_BACKEND = re.compile(r"^tests/(docker|kubernetes)/|[\[-](docker|kubernetes)[\]-]")
"""By the folder, or by the parameter of a suite that all backends have in common."""


def turn_of(test: str) -> int:
    """When a test's turn is, by its id; the lower, the sooner."""
    folder = test.removeprefix("tests/").partition("/")[0]
    return SLOWEST_FIRST.index(folder) if folder in SLOWEST_FIRST else len(SLOWEST_FIRST)


def backend_of(test: str) -> str | None:
    """The backend whose engine or cluster a test needs, by its id."""
    found = _OF_A_BACKEND.search(test)
    return found and (found[1] or found[2])


class Files(LoadFileScheduling):  # type: ignore[misc]
    """Hands out whole files, in the order in which the tests stand."""

    def _split_scope(self, nodeid: str) -> str:
        backend = backend_of(nodeid)
        if backend is None and not nodeid.startswith(BROWSER):
            return str(super()._split_scope(nodeid))
        with_browser = any(test.startswith(BROWSER) for test in self.collection)
        return "together" if with_browser else str(backend)
