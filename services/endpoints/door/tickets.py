"""Tickets: how somebody who is signed in sends a browser through the door, once and within a minute.

Only the digest of a ticket is stored. Its one use is a compare-and-set, so of two browsers that show it one comes in,
whichever replica they ask.
"""

import asyncio
import hashlib
import re
import secrets
from datetime import timedelta

from services.endpoints.door.sealing import Stamp
from shared.clock import Clock
from shared.contracts.base import Contract, JobId, Timestamp, UserName, rfc3339
from shared.contracts.errors import TooMany, Unauthorized
from shared.store.port import Between, Eq, Index, Schema, Store

TICKET_S = 60
OPEN = 100
"""Tickets that one person may have at one time which can still be used."""
COOKIE_S = 12 * 3600
PLAIN_COOKIE_S = 2 * 3600
"""Over plain http, where programs on other ports of the host see it."""
PREFIX = "jyt_"
SWEEP_S = 60.0
SHAPE = re.compile(r"jyt_[A-Za-z0-9_-]{43}")
REFUSED = (
    "This ticket was used, or is older than a minute. Open the endpoint from the console or with "
    "`jobyard endpoint open`."
)


class TicketDocument(Contract):
    """A stored ticket; its id is the digest of what the browser shows."""

    id: str
    version: int = 1
    job_id: JobId
    name: str
    user: UserName
    credential: str
    expires_at: Timestamp
    used: bool = False


TICKETS = Schema[TicketDocument](
    "tickets",
    dump=lambda ticket: ticket.model_dump_json().encode(),
    load=TicketDocument.model_validate_json,
    indexes=(Index("expires_at", ("expires_at",)), Index("open", ("user", "used", "expires_at"))),
)


class Tickets:
    """Gives and takes tickets."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._tickets = store.collection(TICKETS)
        self._clock = clock
        self._issuing = asyncio.Lock()

    async def issue(self, job_id: str, name: str, user: str, credential: str) -> tuple[str, Timestamp]:
        """A new ticket for this person and endpoint, and until when it counts. Raises TooMany."""
        ticket = PREFIX + secrets.token_urlsafe(32)
        expires_at = self._clock.now() + timedelta(seconds=TICKET_S)
        async with self._issuing:  # each is counted before the next
            await self._check_room(user)
            await self._tickets.insert(
                TicketDocument(
                    id=_digest(ticket),
                    job_id=job_id,
                    name=name,
                    user=user,
                    credential=credential,
                    expires_at=expires_at,
                )
            )
        return ticket, expires_at

    async def _check_room(self, user: str) -> None:
        usable = (Eq("user", user), Eq("used", False), Between("expires_at", low=rfc3339(self._clock.now())))
        if len((await self._tickets.find(usable, ("expires_at",), limit=OPEN)).items) >= OPEN:
            raise TooMany(f"You have {OPEN} tickets that are not used yet. Each ends after a minute; try again then.")

    async def redeem(self, ticket: str, job_id: str, name: str, address: str | None = None) -> Stamp:
        """What the cookie says that it turns into. Raises Unauthorized for all but the first use in its minute.

        `address`: the cookie counts from there alone, and for a shorter time.
        """
        stored = await self._tickets.get(_digest(ticket)) if SHAPE.fullmatch(ticket) else None
        now = self._clock.now()
        if stored is None or stored.used or stored.expires_at <= now or (stored.job_id, stored.name) != (job_id, name):
            raise Unauthorized(REFUSED)
        taken = stored.model_copy(update={"used": True, "version": stored.version + 1})
        if not await self._tickets.swap(taken, expected=stored.version):
            raise Unauthorized(REFUSED)
        return Stamp(
            job_id=job_id,
            name=name,
            user=stored.user,
            credential=stored.credential,
            expires_at=now + timedelta(seconds=COOKIE_S if address is None else PLAIN_COOKIE_S),
            address=address,
        )

    async def sweep(self) -> None:
        """Delete what has expired, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_S)
            past = Between("expires_at", high=rfc3339(self._clock.now()))
            while expired := (await self._tickets.find((past,), ("expires_at",))).items:
                for ticket in expired:
                    await self._tickets.delete(ticket.id)


def _digest(ticket: str) -> str:
    return hashlib.sha256(ticket.encode()).hexdigest()
