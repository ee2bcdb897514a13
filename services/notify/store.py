"""The notify service's documents: support cases, notifications, and the secrets that webhooks are signed with."""

import json
from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, Protocol, Self, TypeVar

from services.notify.domain.case import CaseDocument
from services.notify.domain.delivery import DeliveryDocument
from services.notify.domain.sending import Sending, is_due
from services.notify.domain.signing import SecretDocument
from shared.contracts.base import rfc3339
from shared.idempotency import Keys, key_indexes
from shared.store.port import Between, Collection, Document, Eq, Index, Page, Schema, Store

CASES_SHOWN = 100
NOTIFICATIONS_SHOWN = 200
REQUESTER = "requester"


class Outgoing(Document, Protocol):
    """A document with a message in it."""

    @property
    def sending(self) -> Sending: ...

    @property
    def channel(self) -> str: ...

    @property
    def lane(self) -> str: ...

    def moved(self, sending: Sending, now: datetime) -> Self: ...

    def model_dump(self, *, mode: Literal["json"]) -> dict[str, Any]: ...

    def model_dump_json(self) -> str: ...


O = TypeVar("O", bound=Outgoing)  # noqa: E741


def _dump(document: Outgoing, **more: str | None) -> bytes:
    """The document with its lane while it waits, by which a look for what is due steps from lane to lane."""
    lane = None if document.sending.over else document.lane
    return json.dumps(document.model_dump(mode="json") | {"due_lane": lane, **more}, ensure_ascii=False).encode()


def _dump_delivery(document: DeliveryDocument) -> bytes:
    """The same with whom it counts for as a mail."""
    return _dump(document, mailed_by=document.mailed_by)


CASES: Schema[CaseDocument] = Schema(
    name="cases",
    dump=_dump,
    load=CaseDocument.model_validate_json,
    indexes=(
        Index("lane", ("due_lane", "sending.due_at")),
        Index("job", ("job_id",)),
        Index("asked_by", (REQUESTER, "id")),
        Index("ended", ("sending.ended_at",)),
        *key_indexes(REQUESTER),
    ),
)
DELIVERIES: Schema[DeliveryDocument] = Schema(
    name="deliveries",
    dump=_dump_delivery,
    load=DeliveryDocument.model_validate_json,
    indexes=(
        Index("lane", ("due_lane", "sending.due_at")),
        Index("job", ("job_id", "sending.since")),
        Index("told_for", ("owner", "sending.since")),
        Index("mails", ("mailed_by", "sending.since")),
        Index("ended", ("sending.ended_at",)),
    ),
)
SECRETS: Schema[SecretDocument] = Schema(
    name="webhook_secrets",
    dump=lambda document: document.model_dump_json().encode(),
    load=SecretDocument.model_validate_json,
)


_ORDER = ("due_lane", "sending.due_at")


async def due_lanes(collection: Collection[O], now: datetime) -> AsyncIterator[str]:
    """The lanes that have a message due, one small step of the index each, however many messages a lane has."""
    low = ""
    while True:
        page = await collection.find((Between("due_lane", low=low),), _ORDER, limit=1)
        if not page.items:
            return
        first = page.items[0]
        if is_due(first.sending, now):
            yield first.lane
        low = first.lane + "\0"


async def due(collection: Collection[O], lane: str, now: datetime, limit: int) -> Sequence[O]:
    """The messages of a lane that may be tried now, the longest due first."""
    return (await collection.find((Eq("due_lane", lane), _until(now)), _ORDER, limit=limit)).items


async def due_without_lane(collection: Collection[O], now: datetime, limit: int) -> Sequence[O]:
    """Messages that may be tried now, and that a former version stored without their lane."""
    return (await collection.find((Eq("due_lane", None), _until(now)), _ORDER, limit=limit)).items


def _until(now: datetime) -> Between:
    return Between("sending.due_at", low="", high=rfc3339(now + timedelta(milliseconds=1)))


_ENDED = ("sending.ended_at",)


def _ended(before: datetime) -> tuple[Between]:
    return (Between("sending.ended_at", low="", high=rfc3339(before)),)


class NotifyStore:
    """Cases, deliveries and secrets."""

    def __init__(self, store: Store) -> None:
        self.cases = store.collection(CASES)
        self.deliveries = store.collection(DELIVERIES)
        self.secrets = store.collection(SECRETS)
        self.keys = Keys(self.cases, REQUESTER, lambda case: case.sending.since)

    async def cases_of(self, job_id: str) -> Sequence[CaseDocument]:
        """The newest first."""
        return (await self.cases.find((Eq("job_id", job_id),), ("-id",), limit=CASES_SHOWN)).items

    async def all_cases(self, requester: str | None, before: str | None, limit: int) -> Page[CaseDocument]:
        """Everybody's, or one person's, the newest first: case ids rise with time."""
        where = () if requester is None else (Eq(REQUESTER, requester),)
        return await self.cases.find(where, ("-id",), (before,) if before else None, limit)

    async def mails_of(self, owner: str, since: datetime, at_most: int) -> int:
        """How many mails a person's jobs have caused since then; counting stops at `at_most`."""
        where = (Eq("mailed_by", owner), Between("sending.since", low=rfc3339(since)))
        return await self.deliveries.count(where, at_most=at_most)

    async def ended_cases(self, before: datetime, limit: int) -> Sequence[CaseDocument]:
        """Those that were over before this moment, the oldest first."""
        return (await self.cases.find(_ended(before), _ENDED, limit=limit)).items

    async def ended_deliveries(self, before: datetime, limit: int) -> Sequence[DeliveryDocument]:
        """Likewise."""
        return (await self.deliveries.find(_ended(before), _ENDED, limit=limit)).items

    async def deliveries_of(self, job_id: str) -> Sequence[DeliveryDocument]:
        """The newest first."""
        return await self._deliveries(Eq("job_id", job_id))

    async def deliveries_for(self, owner: str) -> Sequence[DeliveryDocument]:
        """About all jobs of a person, the newest first."""
        return await self._deliveries(Eq("owner", owner))

    async def _deliveries(self, of: Eq) -> Sequence[DeliveryDocument]:
        return (await self.deliveries.find((of,), ("-sending.since",), limit=NOTIFICATIONS_SHOWN)).items
