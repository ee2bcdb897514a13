"""What a job reports about itself: lines of JSON, `{"loss": 0.31, "step": 4}`, from whoever can write to its file.

Nothing in a line is trusted. A value is a number under a name that may be one; the first hundred names count; all else
is dropped and counted. A number that is not finite has no place in a message, so its name alone is kept: a loss that
has diverged must not show its last good value.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.executor.domain.documents import parsed
from shared.contracts.metrics import REPORTED_NAMES

TIME = "time"
"""When a line was written. It is no value: a sample has a time of its own."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]{0,63}")


@dataclass(frozen=True)
class Reported:
    """What some lines said: the last value of each name, the names whose last one was not finite, what was dropped."""

    values: Mapping[str, float]
    not_finite: tuple[str, ...]
    dropped: int


def read(lines: Iterable[bytes], known: Iterable[str]) -> Reported:
    """The lines' values; `known` are the names that the run has reported under before. A bad line counts as one."""
    values: dict[str, float] = {}
    names = set(known)
    dropped = 0
    for line in lines:
        found = _object(line)
        if found is None:
            dropped += 1
            continue
        for name, said in found.items():
            if name == TIME:
                continue
            value = _number(said)
            if value is None or not (name in names or (len(names) < REPORTED_NAMES and _NAME.fullmatch(name))):
                dropped += 1
                continue
            names.add(name)
            values[name] = value
    finite = {name: value for name, value in values.items() if math.isfinite(value)}
    return Reported(finite, tuple(name for name in values if name not in finite), dropped)


def _object(line: bytes) -> dict[str, object] | None:
    """None for what is no JSON object; a blank line says nothing, which is no fault."""
    if not line.strip():
        return {}
    try:
        found = parsed(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None
