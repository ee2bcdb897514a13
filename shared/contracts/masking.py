"""What must not be seen of the values of secrets, and what stands in its place: one rule for consoles and mails.

Standard library only: supervisors of runs need it, and start without anything else.
"""

import re
from collections.abc import Collection, Iterable
from typing import AnyStr

SHORTEST = 4
"""Characters; what is shorter would mask half of all output."""

_ENDS = re.compile(r"\r\n|\r|\n")


def hidden_in(values: Iterable[str]) -> tuple[str, ...]:
    """What must not be seen of these values: each line of them that is long enough, without the blanks around it."""
    lines = (line for value in values for line in _ENDS.split(value))
    found = {line.strip() if len(line.strip()) >= SHORTEST else line for line in lines if line.strip()}
    return tuple(sorted(text for text in found if len(text) >= SHORTEST))


def masked(text: AnyStr, hidden: Collection[AnyStr], mask: AnyStr) -> AnyStr:
    """The text with the mask for each place where something hidden stands."""
    shown: list[AnyStr] = []
    position = 0
    for begin, end in places(text, hidden):
        shown += [text[position:begin], mask]
        position = end
    shown.append(text[position:])
    return text[:0].join(shown)


def places(text: AnyStr, hidden: Iterable[AnyStr]) -> list[tuple[int, int]]:
    """Where something hidden stands, in order; those that overlap or touch are one place."""
    found = []
    for one in hidden:
        begin = text.find(one)
        while begin >= 0:
            found.append((begin, begin + len(one)))
            begin = text.find(one, begin + 1)
    merged: list[tuple[int, int]] = []
    for begin, end in sorted(found):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((begin, end))
    return merged
