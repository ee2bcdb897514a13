"""The columns that lists are sorted by, as paths of the job document, and the indexes that serve them.

Indexes and orders come from the same table, so that neither can be changed without the other. One person's list and
everybody's are served in every order, however long they are. An index costs every job some microseconds, and more each
time that its fields change: so one person's hold all of that person's jobs, and everybody's only jobs that are not
over, which enter once and leave once. Preemptible and devices share one index: a walk over the devices of those that
are preemptible, and one over those of the others, are together in the order of the devices.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache, partial
from types import GenericAlias
from typing import Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter

from services.jobs.domain.document import JobHead
from shared.contracts.base import rfc3339
from shared.contracts.commands.lists import Column
from shared.contracts.job import JobStatus
from shared.store.port import Between, Condition, Eq, Index

Order = tuple[str, ...]
"""Paths of the document, `-` for downwards, as the store takes them; the last is the id, which breaks every tie."""

UPWARDS: dict[Column, Order] = {
    Column.ID: ("id",),
    Column.NAME: ("request.name", "id"),
    Column.STATUS: ("state.status", "-submitted_at", "-id"),
    Column.DEVICES: ("request.devices", "id"),  # per node, and a job has one node
    Column.PREEMPTIBLE: ("request.preemptible", "request.devices", "id"),
    Column.PRIORITY: ("state.priority", "-submitted_at", "-id"),
    Column.SUBMITTED: ("submitted_at", "id"),
    Column.STARTED: ("state.started_at", "id"),
    Column.FINISHED: ("state.finished_at", "id"),
    Column.USER: ("owner", "id"),
}

QUEUE: Order = ("-state.priority", "submitted_at", "id")
"""Also the scheduler's order, `key_of` in services/scheduler/domain/order.py."""

EVERYBODYS_STATUS: Order = ("state.status", *QUEUE)
"""Everybody's jobs upwards by status: those of one status as they wait in the queue."""

OPEN = Eq("over", False)
"""What everybody's indexes are limited to and begin with, and so what every walk over them says."""

HAVE_FAILED = (JobStatus.ERROR, JobStatus.FAILED)
FAILED = Between("state.status", JobStatus.ERROR.value, f"{JobStatus.FAILED}\x7f")
"""The same as a range: no other status lies between the two."""
_FIRST, _LAST = "", "\x7f"  # before and behind every moment

_Number = Annotated[int, Field(ge=0, le=2**31)]  # more than any count of devices or priority; less than a store takes

KINDS: dict[str, Any] = {
    "id": str,
    "owner": str,
    "request.name": str,
    "request.devices": _Number,
    "request.preemptible": bool,
    "state.status": str,
    "state.priority": _Number,
    "submitted_at": str,
    "state.started_at": str | None,
    "state.finished_at": str | None,
}
"""What stands in each path of an order, as the store compares it."""

OWNED = tuple(column for column in Column if column not in (Column.USER, Column.DEVICES))
"""Columns that have an index over one owner's jobs; their user is always the same."""

EVERYBODYS = (Column.ID, Column.NAME, Column.PREEMPTIBLE, Column.SUBMITTED, Column.STARTED, Column.USER)
"""Columns that have an index over everybody's open jobs, beside the queue's own two; none of them is finished."""

INDEXES: tuple[Index, ...] = (
    *(Index(f"owner_{column}", ("owner", *UPWARDS[column])) for column in OWNED),
    *(Index(f"open_{column}", (OPEN.path, *UPWARDS[column]), only=OPEN) for column in EVERYBODYS),
    Index("open_queue", (OPEN.path, *EVERYBODYS_STATUS), only=OPEN),
    Index("open_vc_queue", (OPEN.path, "request.vc", *EVERYBODYS_STATUS), only=OPEN),
    Index("owner_failures", ("owner", "state.finished_at"), only=FAILED),  # each enters it once
)


def failed_between(low: datetime | None, high: datetime | None) -> tuple[Condition, ...]:
    """Jobs that have failed in [low, high), each end open if it is None.

    Both ends are always written out: by that SQLite knows which of the owner's indexes is the shortest way.
    """
    return FAILED, Between("state.finished_at", rfc3339(low) if low else _FIRST, rfc3339(high) if high else _LAST)


def order_of(sort: str, everybodys: bool = False) -> Order:
    """The order that `sort` names, in one owner's list or everybody's."""
    column = Column(sort.removeprefix("-"))
    upwards = EVERYBODYS_STATUS if everybodys and column is Column.STATUS else UPWARDS[column]
    return tuple(_turned(key) for key in upwards) if sort.startswith("-") else upwards


@lru_cache
def reader_of(order: Order) -> Callable[[bytes], tuple[Any, ...]]:
    """Reads a place in this order from JSON: a value of its own kind for each key. What it gives raises ValueError."""
    kinds: Any = GenericAlias(tuple, tuple(KINDS[key.removeprefix("-")] for key in order))
    places: TypeAdapter[tuple[Any, ...]] = TypeAdapter(kinds, config=ConfigDict(strict=True))
    return places.validate_json


def _turned(key: str) -> str:
    return key.removeprefix("-") if key.startswith("-") else f"-{key}"


def place_of(job: JobHead, order: Order) -> tuple[Any, ...]:
    """Where a job stands in an order, in the values that the store compares."""
    return tuple(_value(job, key.removeprefix("-")) for key in order)


def in_order(jobs: Iterable[JobHead], order: Order) -> list[JobHead]:
    """Sorted as the store sorts: what is missing comes before every value."""
    found = list(jobs)
    for key in reversed(order):
        found.sort(key=partial(_rank, path=key.removeprefix("-")), reverse=key.startswith("-"))
    return found


def is_behind(job: JobHead, place: tuple[Any, ...], order: Order) -> bool:
    """Whether a job comes after a place of this order."""
    for key, here, there in zip(order, place_of(job, order), place, strict=True):
        if here != there:
            return (_comparable(here) < _comparable(there)) == key.startswith("-")
    return False


def _rank(job: JobHead, path: str) -> tuple[bool, Any]:
    return _comparable(_value(job, path))


def _comparable(value: Any) -> tuple[bool, Any]:
    return (value is not None, value if value is not None else 0)


def _value(job: JobHead, path: str) -> Any:
    value: Any = job
    for name in path.split("."):
        value = getattr(value, name)
    if isinstance(value, datetime):
        return rfc3339(value)
    return str(value) if isinstance(value, str) else value
