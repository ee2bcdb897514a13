"""The audit: every change that anybody made, as documents of the gateway's store that are added and never changed.

An entry's id names the change itself (an event's id, or a document's kind, name and version), so that adding it again
changes nothing.
"""

import base64
import json
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, TypeAdapter

from shared.contracts.base import Contract, Timestamp, rfc3339
from shared.contracts.errors import FieldError, Invalid, PermanentError
from shared.contracts.events import (
    JobKilled,
    JobKilling,
    JobPaused,
    JobPausing,
    JobPriorityChanged,
    JobResumed,
    JobSubmitted,
)
from shared.store.port import Between, Condition, Eq, Index, Schema, Store

PERSON = "user"
PAGE = 500
NAMED = ("actor", "action", "target", "address", "token")
"""What entries can be asked for by."""

ASKED = {
    JobSubmitted.fact: "job.submitted",
    JobPausing.fact: "job.paused",
    JobPaused.fact: "job.paused",
    JobResumed.fact: "job.resumed",
    JobPriorityChanged.fact: "job.priority_changed",
    JobKilling.fact: "job.killed",
    JobKilled.fact: "job.killed",
}
"""What a person did, by the event that came of it: a kill is a kill, whether the job ran or waited. No other event of a
job can come of a person's wish."""


class AuditEntry(Contract):
    """One change: when, who, what, to which thing, and how it was before and after."""

    id: str
    version: int = 1
    time: Timestamp
    actor: str
    action: str
    target: str
    details: dict[str, JsonValue] = Field(default_factory=dict)
    request_id: str | None = None
    address: str | None = None
    token: Annotated[str | None, Field(description="The name of the API token that was used.")] = None


AUDIT = Schema[AuditEntry](
    "audit",
    dump=lambda entry: entry.model_dump_json().encode(),
    load=AuditEntry.model_validate_json,
    indexes=(
        Index("time", ("-time",)),
        Index("actor_time", ("actor", "-time")),
        Index("action_time", ("action", "-time")),
        Index("target_time", ("target", "-time")),
        Index("address_time", ("address", "-time")),
        Index("token_time", ("token", "-time")),
    ),
)


@dataclass(frozen=True)
class Wanted:
    """Which entries somebody wants to see: `after` is included, `before` is not."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    address: str | None = None
    token: str | None = None
    after: datetime | None = None
    before: datetime | None = None

    def conditions(self) -> Sequence[Condition]:
        """As the store understands it."""
        named = {name: getattr(self, name) for name in NAMED}
        where: list[Condition] = [Eq(path, value) for path, value in named.items() if value is not None]
        if self.after is not None or self.before is not None:
            low, high = (rfc3339(moment) if moment is not None else None for moment in (self.after, self.before))
            where.append(Between("time", low, high))
        return where


class Audit:
    """Adds entries and finds them again."""

    def __init__(self, store: Store) -> None:
        self._entries = store.collection(AUDIT)

    async def add(self, entries: Sequence[AuditEntry]) -> None:
        """Keep these entries; those that are there already stay as they are."""
        await self._entries.insert_many(entries)

    async def page(self, wanted: Wanted, limit: int, cursor: str | None) -> tuple[tuple[AuditEntry, ...], str | None]:
        """Newest first, and where the next page begins. Raises Invalid for a cursor that is not ours."""
        after = _after(cursor) if cursor else None
        page = await self._entries.find(wanted.conditions(), ("-time",), after, limit)
        return page.items, _cursor(page.after)

    async def all(self, wanted: Wanted) -> AsyncGenerator[AuditEntry, None]:
        """Every entry, newest first, page by page."""
        cursor: str | None = None
        while True:
            items, cursor = await self.page(wanted, PAGE, cursor)
            for item in items:
                yield item
            if cursor is None:
                return


def entry_of(subject: str, payload: bytes) -> AuditEntry | None:
    """A person's change of a job, from its event; None for what a service did. Raises PermanentError.

    Every submission comes by here: the event is read without its models, which would take ten times as long.
    """
    try:
        event = json.loads(payload)
        data = event["data"]
        job, state, actor = data["job"], data["job"]["state"], data["actor"]
        if actor["kind"] != PERSON:
            return None
        details = {name: job[name] for name in ("name", "vc", "owner")}
        details |= {name: state[name] for name in ("status", "priority")}
        if "previous" in data:
            details["previous"] = data["previous"]
        return AuditEntry(
            id=event["id"],
            time=datetime.fromisoformat(event["time"]),
            actor=actor["name"],
            action=ASKED[subject.split(".")[2]],
            target=f"job/{job['id']}",
            details=details,
            request_id=event.get("causationid") or event.get("correlationid"),
            address=actor.get("address"),
            token=actor.get("token"),
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise PermanentError(f"{subject} does not carry an event of a job: {error!r}") from error


def endpoint_entry_of(subject: str, payload: bytes) -> AuditEntry | None:
    """The same for a way into a job that a person opened, went in by, or closed."""
    try:
        event = json.loads(payload)
        data, actor = event["data"], event["data"]["actor"]
        if actor["kind"] != PERSON:
            return None
        return AuditEntry(
            id=event["id"],
            time=datetime.fromisoformat(event["time"]),
            actor=actor["name"],
            action=f"endpoint.{subject.split('.')[2]}",
            target=f"job/{data['job_id']}",
            details={name: data[name] for name in ("name", "port", "rank", "vc", "owner", "key") if name in data},
            request_id=event.get("causationid") or event.get("correlationid"),
            address=actor.get("address"),
            token=actor.get("token"),
        )
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise PermanentError(f"{subject} does not carry an event of an endpoint: {error!r}") from error


def _cursor(after: tuple[object, ...] | None) -> str | None:
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode() if after is not None else None


_PLACE = TypeAdapter(tuple[str, str], config=ConfigDict(strict=True))
"""Time and id of an entry; text that is no Unicode is refused, which a database would choke on."""


def _after(cursor: str) -> tuple[str, ...]:
    try:
        return _PLACE.validate_json(base64.urlsafe_b64decode(cursor.encode()))
    except ValueError as error:
        message = "is not a cursor of this list; use next_cursor of the page before"
        raise Invalid(f"cursor: {message}.", (FieldError(field="cursor", message=message),)) from error
