"""What a question to Prometheus may say, read strictly: its selectors, its moments, and how much it asks for.

A parameter comes in the address or, of a POST, in a form; one that there should be once and that is there twice is
refused, so that nobody is asked for another value than the one that was looked at.
"""

import math
import re
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import parse_qsl

from shared.contracts.errors import FieldError, Invalid
from shared.contracts.metrics import MAX_POINTS

LONGEST_S = 366 * 86_400.0
"""Between the start and the end of a range."""
MOST_FIELDS = 100
MOST_MATCHES = 20
_DURATION = re.compile(r"(?:[0-9]{1,6}(?:ms|[smhdwy]))+")
_PART = re.compile(r"([0-9]+)(ms|[smhdwy])")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 7 * 86_400.0, "y": 365 * 86_400.0}
_LATEST = 253_402_300_799.0
"""The end of the year 9999."""


@dataclass(frozen=True)
class Asked:
    """The parameters of a question, in the order in which they came."""

    fields: tuple[tuple[str, str], ...]

    def one(self, name: str) -> str | None:
        """Its value, if it is there. Raises Invalid if it is there twice."""
        found = self.all(name)
        if len(found) > 1:
            raise _wrong(name, "is there twice; keep one")
        return found[0] if found else None

    def all(self, name: str) -> tuple[str, ...]:
        """All of its values."""
        return tuple(value for known, value in self.fields if known == name)

    def needed(self, name: str) -> str:
        """Its value. Raises Invalid where there is none."""
        value = self.one(name)
        if not value:
            raise _wrong(name, "is missing")
        return value

    def matches(self) -> tuple[str, ...]:
        """The selectors of series. Raises Invalid if there are too many."""
        found = self.all("match[]")
        if len(found) > MOST_MATCHES:
            raise _wrong("match[]", f"may be there {MOST_MATCHES} times; ask for fewer at once")
        return found

    def moments(self, *names: str) -> dict[str, str]:
        """Those of these moments that are there, as numbers. Raises Invalid."""
        return {name: _number(_moment(name, value)) for name in names if (value := self.one(name))}

    def span(self) -> dict[str, str]:
        """`start`, `end` and `step` of a range. Raises Invalid for one that is backwards, endless or too fine."""
        start, end = (_moment(name, self.needed(name)) for name in ("start", "end"))
        step = _step(self.needed("step"))
        if end < start:
            raise _wrong("start", "is after the end; swap the two")
        if end - start > LONGEST_S:
            raise _wrong("start", f"is more than {LONGEST_S / 86_400:g} days before the end; ask for less")
        if (end - start) / step >= MAX_POINTS:
            raise _wrong("step", f"gives more than {MAX_POINTS:,} points; ask for longer steps or a shorter range")
        return {"start": _number(start), "end": _number(end), "step": _number(step)}

    def limit(self) -> dict[str, str]:
        """How many results there may be, if that is said. Raises Invalid."""
        said = self.one("limit")
        if said is None:
            return {}
        if not re.fullmatch(r"[0-9]{1,9}", said):
            raise _wrong("limit", "must be a whole number")
        return {"limit": said}


def asked(query: bytes, form: bytes = b"") -> Asked:
    """The parameters of an address and of a form. Raises Invalid where there are too many."""
    fields: list[tuple[str, str]] = []
    for part in (query, form):
        try:
            fields += parse_qsl(part.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS)
        except ValueError:
            raise Invalid(f"A question has at most {MOST_FIELDS} parameters. Send fewer.") from None
    return Asked(tuple(fields))


def _moment(name: str, said: str) -> float:
    try:
        moment = float(said) if _plain(said) else _rfc3339(said)
    except (ValueError, OverflowError):
        moment = math.nan
    if not 0 <= moment <= _LATEST:
        raise _wrong(name, "must be seconds since 1970, or a moment with its zone, as 2026-11-23T09:00:00Z")
    return moment


def _rfc3339(said: str) -> float:
    """Raises ValueError."""
    moment = datetime.fromisoformat(said)
    if moment.tzinfo is None:
        raise ValueError(said)
    return moment.timestamp()


def _step(said: str) -> float:
    if len(said) <= 40 and _DURATION.fullmatch(said):
        step = sum(float(count) * _SECONDS[unit] for count, unit in _PART.findall(said))
    else:
        step = float(said) if _plain(said) else math.nan
    if not 0.001 <= step <= LONGEST_S:
        raise _wrong("step", "must be seconds or a duration as 15s, from a millisecond to a year")
    return step


def _plain(said: str) -> bool:
    return re.fullmatch(r"[0-9]{1,15}(?:\.[0-9]{0,12})?", said) is not None


def _number(value: float) -> str:
    return f"{value:.3f}"


def _wrong(field: str, message: str) -> Invalid:
    return Invalid(f"{field}: {message}.", (FieldError(field=field, message=message),))
