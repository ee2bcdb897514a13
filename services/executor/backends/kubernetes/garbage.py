"""How often Python looks for garbage: objects that hold only each other, since all others go by themselves.

For each run that is found again this process makes some two hundred objects that stay, and next to none that are
garbage. At Python's own rate all of them are gone through again and again, in the middle of everything else: half of
what an adoption takes.
"""

import gc

YOUNG = 100_000
"""So many new objects are gone through at once. Python's own number is 700."""
OLDER = 5
"""After so many looks at the young, and so many of those, the older ones are gone through as well."""


def look_rarely() -> None:
    """For all of this process."""
    gc.set_threshold(YOUNG, OLDER, OLDER)
