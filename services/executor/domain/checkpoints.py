"""What counts as a checkpoint: whatever appears in the run's checkpoint folder under its final name.

A name that says "not yet" does not: hidden ones, and the endings and beginnings that tools give to what they are still
writing. A script that writes in place, under the final name, is taken at its word.
"""

UNFINISHED_STARTS = (".", "tmp-", "tmp_")
UNFINISHED_ENDS = (".tmp", ".temp", ".part", ".partial", "~")


def is_final(name: str) -> bool:
    """Whether this is a checkpoint's final name."""
    lower = name.lower()
    return not lower.startswith(UNFINISHED_STARTS) and not lower.endswith(UNFINISHED_ENDS)
