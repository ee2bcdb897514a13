"""How submissions are divided into commands that fit in a message."""

from collections.abc import Sequence

COMMAND_BYTES = 200 * 1024
"""The most that one command's submissions may take."""

DEFAULTS_BYTES = 1_200
"""The most that a submission grows by the fields that its body left out, its id and its owner."""


def size_of(body_bytes: int) -> int:
    """The most that a submission takes within a command, from the size of its JSON."""
    return body_bytes + DEFAULTS_BYTES


def fitting(sizes: Sequence[int], at_most: int) -> int:
    """How many from the beginning fit in one command: at least one, at most `at_most`."""
    total = 0
    for index, size in enumerate(sizes[:at_most]):
        total += size
        if total > COMMAND_BYTES and index:
            return index
    return min(len(sizes), at_most)


def divided(sizes: Sequence[int], at_most: int) -> list[slice]:
    """All of them in order, in pieces that fit."""
    pieces: list[slice] = []
    start = 0
    while start < len(sizes):
        end = start + fitting(sizes[start : start + at_most], at_most)
        pieces.append(slice(start, end))
        start = end
    return pieces
