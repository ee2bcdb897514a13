"""The words of a query that is written anew. Nothing of a person's own text is copied into it but through here.

A label, a function or a value that Prometheus could read in another way than we did would open a way around what the
query is confined to. So names are plain ones, numbers are ours, and a string is printable ASCII without quotes and
backslashes; every other character is escaped.
"""

import math
import re
from datetime import timedelta

from services.gateway.promql.known import MOST_REPEATED
from services.gateway.promql.magnitudes import LATEST_S, LONGEST_S
from services.gateway.promql.scanning import shown
from shared.contracts.errors import Invalid

LABEL = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
LONGEST = timedelta(seconds=LONGEST_S)
"""No range or offset is longer."""

_COUNTED = re.compile(r"\{\s*([0-9]+)\s*(?:,\s*([0-9]*)\s*)?\}")
_PLAIN = re.compile(r"[ !#-\[\]^_a-z{|}~]*")
_BESIDE_PLAIN = re.compile(r"[^ !#-\[\]^_a-z{|}~]")


def string(value: str) -> str:
    """A PromQL string with this value."""
    if _PLAIN.fullmatch(value):
        return f'"{value}"'
    return f'"{_BESIDE_PLAIN.sub(_escaped, value)}"'


def pattern(value: str) -> str:
    """A PromQL string that may be a regular expression. Raises Invalid for one that repeats too much."""
    repeated = sum(max(_count(least), _count(most)) for least, most in _COUNTED.findall(value))
    if repeated > MOST_REPEATED:
        raise Invalid(f"The counts in a regular expression ({{n}}) make {MOST_REPEATED} at most. Write a shorter one.")
    return string(value)


def moment(seconds: float) -> str:
    """A moment after '@'. Raises Invalid for one beyond the year 9999."""
    if not 0 <= seconds <= LATEST_S:
        raise Invalid("A moment after '@' lies between 1970 and the end of the year 9999, in seconds.")
    return f"{seconds:.3f}"


def label(name: str) -> str:
    """The name of a label. Raises Invalid for one that would need quotes."""
    name = shown(name)
    if not LABEL.fullmatch(name):
        raise Invalid(f"The label {name[:80]!r} can't be asked for here; labels have letters, digits and '_'.")
    return name


def labels(names: list[str]) -> str:
    """A list of labels in brackets."""
    return f"({', '.join(map(label, names))})"


def number(value: float) -> str:
    """A number, in brackets where it has a sign."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Inf" if value > 0 else "(-Inf)"
    return repr(value) if math.copysign(1, value) > 0 else f"({value!r})"


def duration(span: timedelta) -> str:
    """A duration in milliseconds, with its sign. Raises Invalid for one that is longer than LONGEST."""
    if abs(span) > LONGEST:
        raise Invalid(f"Ranges and offsets have at most {LONGEST.days} days. Ask for a shorter one.")
    return f"{round(span / timedelta(milliseconds=1))}ms"


def _count(digits: str) -> int:
    return int(digits[:4] or 0) if len(digits) < 5 else MOST_REPEATED + 1


def _escaped(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
