"""The columns that lists are sorted by, as paths of the job document, and the indexes that serve them.

Indexes and orders come from the same table, so that neither can be changed without the other. An index costs every
submission some microseconds. One person's list is served in every order, however long it is; everybody's in the
order of the queue and of what never changes. Other orders of it are sorted without an index, up to `pages.READ` jobs.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import partial
from typing import Any

from services.jobs.domain.document import JobHead
from shared.contracts.base import rfc3339
from shared.contracts.commands import Column
from shared.store.port import Index

Order = tuple[str, ...]
"""Paths of the document, `-` for downwards, as the store takes them; the last is the id, which breaks every tie."""

UPWARDS: dict[Column, Order] = {
    Column.ID: ("id",),
    Column.NAME: ("request.name", "id"),
    Column.STATUS: ("state.status", "-submitted_at", "-id"),
    Column.DEVICES: ("request.devices", "id"),  # per node, and a job has one node
    Column.PREEMPTIBLE: ("request.preemptible", "id"),
    Column.PRIORITY: ("state.priority", "-submitted_at", "-id"),
    Column.SUBMITTED: ("submitted_at", "id"),
    Column.STARTED: ("state.started_at", "id"),
    Column.FINISHED: ("state.finished_at", "id"),
    Column.USER: ("owner", "id"),
}

QUEUE: Order = ("-state.priority", "submitted_at", "id")
"""Also the scheduler's order, `key_of` in services/scheduler/domain/order.py."""

OWNED = tuple(column for column in Column if column is not Column.USER)
"""Columns that have an index over one owner's jobs; their user is always the same."""

EVERYBODYS = (Column.ID, Column.NAME, Column.SUBMITTED)
"""Columns that have an index over everybody's jobs of one status, beside the queue's own."""

INDEXES: tuple[Index, ...] = (
    *(Index(f"owner_{column}", ("owner", *UPWARDS[column])) for column in OWNED),
    *(Index(f"status_{column}", ("state.status", *UPWARDS[column])) for column in EVERYBODYS),
    Index("queue", ("state.status", *QUEUE)),
    Index("vc_queue", ("request.vc", "state.status", *QUEUE)),
)


def order_of(sort: str) -> Order:
    """The order that `sort` names."""
    upwards = UPWARDS[Column(sort.removeprefix("-"))]
    return tuple(_turned(key) for key in upwards) if sort.startswith("-") else upwards


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
