"""Documents whose every change is in the audit: the change and who made it are one write.

A document carries the `change` that led to its version. Once that is an entry of the audit, the document's mark rises
to the version; what a killed process left behind is made good by a sweep, and before the next change.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import structlog
from pydantic import Field, JsonValue

from services.gateway.audit import Audit, AuditEntry
from shared.contracts.base import Contract, Timestamp
from shared.contracts.errors import Refusal
from shared.contracts.job import Actor
from shared.store.port import Condition, Page, Schema, Store

log = structlog.get_logger()

SWEEP_S = 5.0
PAGE = 500
PLATFORM = "jobyard"
"""The actor of what the platform does by itself."""


class Change(Contract):
    """Who made a version of a document, and what it changed. Never holds a secret."""

    time: Timestamp
    actor: str
    action: str
    details: dict[str, JsonValue] = Field(default_factory=dict)
    request_id: str | None = None
    address: str | None = None
    token: str | None = None


@dataclass(frozen=True)
class Author:
    """Who makes a change, with which request, from where, and with which API token if with any."""

    name: str
    request_id: str | None = None
    address: str | None = None
    token: str | None = None

    @property
    def actor(self) -> Actor:
        """The same person as other services are told of it."""
        return Actor(kind="user", name=self.name, address=self.address, token=self.token)

    def change(self, now: datetime, action: str, **details: JsonValue) -> Change:
        """The change as it will be remembered."""
        return Change(
            time=now,
            actor=self.name,
            action=action,
            details=details,
            request_id=self.request_id,
            address=self.address,
            token=self.token,
        )


BY_ITSELF = Author(PLATFORM)


class Changed(Protocol):
    """A document that knows how it came to its version."""

    @property
    def id(self) -> str: ...

    @property
    def version(self) -> int: ...

    @property
    def change(self) -> Change | None: ...


D = TypeVar("D", bound=Changed)


class Audited(Generic[D]):
    """One collection of such documents; `kind` is what the audit calls them.

    `carry_out` does what a version stands for in another service. It comes between the write and the entry, and again
    until it succeeds, so what it does a second time must change nothing.
    """

    def __init__(
        self,
        store: Store,
        schema: Schema[D],
        audit: Audit,
        kind: str,
        carry_out: Callable[[D], Awaitable[None]] | None = None,
    ) -> None:
        self._documents = store.collection(schema)
        self._audit = audit
        self._kind = kind
        self._carry_out = carry_out

    async def get(self, id: str) -> D | None:
        """The document as last committed."""
        return await self._documents.get(id)

    async def page(self, limit: int, after_id: str | None) -> Page[D]:
        """Some of them, by id."""
        return await self._documents.find((), ("id",), (after_id,) if after_id else None, limit)

    async def all(self, where: Sequence[Condition] = ()) -> list[D]:
        """Every document that is wanted, by id."""
        found: list[D] = []
        after = None
        while True:
            page = await self._documents.find(where, ("id",), after, PAGE)
            found += page.items
            after = page.after
            if after is None:
                return found

    async def insert(self, document: D) -> None:
        """Store a new document. Raises DuplicateKey."""
        await self._documents.insert(document)
        await self._enter(document)

    async def change(self, id: str, edit: Callable[[D], D]) -> D | None:
        """Apply `edit` to the document as it is now; None if there is none.

        `edit` returns the next version with its `change`, or the document itself where nothing changes.
        """
        while True:
            marked = await self._documents.marked(id)
            if marked is None:
                return None
            if marked.mark < marked.document.version:
                await self._enter(marked.document)
            edited = edit(marked.document)
            if edited is marked.document:
                return edited
            if await self._documents.swap(edited, marked.document.version):
                await self._enter(edited)
                return edited

    async def finish(self, id: str) -> bool:
        """Enter what was left behind of this document; whether there was anything."""
        marked = await self._documents.marked(id)
        if marked is None or marked.mark >= marked.document.version:
            return False
        await self._enter(marked.document)
        return True

    async def sweep(self) -> None:
        """Enter what was left behind; what another service does not do now is left for the next sweep."""
        for marked in await self._documents.behind():
            try:
                await self._enter(marked.document)
            except Refusal as refusal:
                log.warning("change_delayed", kind=self._kind, id=marked.document.id, problem=refusal.code)

    async def _enter(self, document: D) -> None:
        if self._carry_out is not None:
            await self._carry_out(document)
        change = document.change
        if change is not None:
            entry = AuditEntry(
                id=f"{self._kind}/{document.id}:{document.version}",
                time=change.time,
                actor=change.actor,
                action=change.action,
                target=f"{self._kind}/{document.id}",
                details=change.details,
                request_id=change.request_id,
                address=change.address,
                token=change.token,
            )
            await self._audit.add([entry])
        await self._documents.raise_marks({document.id: document.version})


class Owned(Changed, Protocol):
    """A document of one account; `live_of`: whose it is while it counts."""

    @property
    def live_of(self) -> str | None: ...


O = TypeVar("O", bound=Owned)  # noqa: E741


async def end_own(documents: Audited[O], id: str, owner: str, ended: Callable[[O], O]) -> bool:
    """Change a document of this owner into one that counts no more. False: it is not theirs, or counts no more."""
    own = False

    def edit(document: O) -> O:
        nonlocal own
        own = document.live_of == owner
        return ended(document) if own else document

    return await documents.change(id, edit) is not None and own


async def sweep(collection: Audited[Any]) -> None:
    """A loop of the gateway: enter what killed processes left behind."""
    while True:
        await collection.sweep()
        await asyncio.sleep(SWEEP_S)
