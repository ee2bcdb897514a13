"""Who may see what others have used, and rows of days joined to the lines that were asked for.

A row of a day is as a job of its owner in its virtual cluster (VC): the table of rights says who counts it. Types of
devices are never added up: an hour of one is not an hour of another.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

from services.gateway.domain.access import Caller, Right, may
from services.gateway.domain.discretion import Subject
from shared.contracts.errors import Forbidden
from shared.contracts.metrics import UsageRow

SUMS = (
    "device_hours",
    "idle_hours",
    "unknown_hours",
    "lost_to_preemption_hours",
    "lost_to_failure_hours",
    "cpu_hours",
)
DIGITS = 6
"""Of an hour: a few milliseconds."""


class UsageGroup(StrEnum):
    """What lines are told apart by, beside the type of device."""

    DAY = "day"
    VC = "vc"
    OWNER = "owner"


@dataclass(frozen=True)
class Part:
    """Rows to ask for: of these VCs (None: of all), and of this owner (None: of all)."""

    vcs: tuple[str, ...] | None
    owner: str | None


def parts(caller: Caller, vc: str | None, owner: str | None) -> tuple[Part, ...]:
    """What to ask for, so that the caller's rows are among the answers. Raises Forbidden.

    One's own rows, wherever they are, and those of the VCs in which one may see everybody's. A VC in which one may see
    nobody else's is as one that holds nothing but one's own.
    """
    asked = None if vc is None else (vc,)
    if caller.admin:
        return (Part(asked, owner),)
    seen = tuple(sorted(name for name in caller.vcs if vc in (None, name) and _sees_all_of(caller, name)))
    others = (Part(seen, owner),) if seen else ()
    own = (Part(asked, caller.name),) if owner in (None, caller.name) else ()
    if not others and not own:
        raise Forbidden("Only an administrator may see what others have used. Leave `owner` out to see your own.")
    return (*others, *own)


def _sees_all_of(caller: Caller, vc: str) -> bool:
    return may(caller, Subject("", "", vc), Right.SEE_USAGE)


def counts(caller: Caller, row: UsageRow) -> bool:
    """Whether the caller may see this row."""
    return may(caller, Subject("", row.owner, row.vc), Right.SEE_USAGE)


@dataclass(frozen=True)
class Line:
    """Rows that are alike in what was asked for; the other names are None."""

    day: date | None
    vc: str | None
    owner: str | None
    device_type: str
    runs: int
    hours: dict[str, float]


class Lines:
    """Adds rows up; each row once, however often it comes."""

    def __init__(self, groups: Sequence[UsageGroup]) -> None:
        self._groups = frozenset(groups)
        self._seen: set[tuple[date, str, str, str]] = set()
        self._lines: dict[tuple[Any, Any, Any, str], tuple[int, dict[str, float]]] = {}

    @property
    def rows(self) -> int:
        """How many were added."""
        return len(self._seen)

    def add(self, rows: Iterable[UsageRow], wanted: Callable[[UsageRow], bool]) -> None:
        """Those that are wanted."""
        for row in rows:
            name = (row.day, row.vc, row.owner, row.device_type)
            if name in self._seen or not wanted(row):
                continue
            self._seen.add(name)
            day, vc, owner = (getattr(row, group) if group in self._groups else None for group in UsageGroup)
            key = (day, vc, owner, row.device_type)
            runs, hours = self._lines.get(key, (0, dict.fromkeys(SUMS, 0.0)))
            added = {field: hours[field] + getattr(row, field) for field in SUMS}
            self._lines[key] = (runs + row.runs, added)

    def sorted(self) -> list[Line]:
        """By day, VC, owner and type of device."""
        found = sorted(self._lines.items(), key=lambda item: tuple(str(part) for part in item[0]))
        return [Line(*key, runs=runs, hours=_rounded(hours)) for key, (runs, hours) in found]


def _rounded(hours: dict[str, float]) -> dict[str, float]:
    return {field: round(value, DIGITS) for field, value in hours.items()}
