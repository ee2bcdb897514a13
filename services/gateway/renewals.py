"""New secrets of people's webhooks: that one was asked for, and by whom, is stored before notify makes it.

A renewal that was stored happens: what a killed process left, or notify was away for, a sweep asks for again until it
is made, and only then it is in the audit. Notify knows a renewal by its name, so it is made once. Whoever asks for
another one meanwhile gets the one that is on its way.
"""

from services.gateway.audit import Audit
from services.gateway.audited import Audited, Author, Change
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts.base import Contract
from shared.contracts.commands.support import WEBHOOK_SECRET
from shared.contracts.notify import GetWebhookSecret, WebhookSecret
from shared.ids import new_id
from shared.store.port import DuplicateKey, Schema, Store


class RenewalDocument(Contract):
    """A person's last renewal; `id` is the person's name."""

    id: str
    version: int = 1
    renewal: str
    change: Change | None = None


RENEWALS = Schema[RenewalDocument](
    "webhook_renewals",
    dump=lambda renewal: renewal.model_dump_json().encode(),
    load=RenewalDocument.model_validate_json,
)


class Renewals:
    """Everybody's renewals. Raises what notify refuses with, or Unavailable."""

    def __init__(self, store: Store, clock: Clock, audit: Audit, bus: Bus, timeout_s: float) -> None:
        self.documents = Audited(store, RENEWALS, audit, "webhook", self._carry_out)
        self._clock = clock
        self._bus = bus
        self._timeout_s = timeout_s

    async def renew(self, author: Author) -> WebhookSecret:
        """The author's new secret."""
        if not await self.documents.finish(author.name):
            await self._begin(author)
        return await self._bus.ask(WEBHOOK_SECRET, GetWebhookSecret(owner=author.name), self._timeout_s)

    async def _begin(self, author: Author) -> None:
        change = author.change(self._clock.now(), "webhook.secret_renewed")
        first = RenewalDocument(id=author.name, renewal=new_id(), change=change)

        def next_after(known: RenewalDocument) -> RenewalDocument:
            return first.model_copy(update={"version": known.version + 1})

        if await self.documents.change(author.name, next_after) is None:
            try:
                await self.documents.insert(first)
            except DuplicateKey:  # another window was first: one new secret serves both
                await self.documents.finish(author.name)

    async def _carry_out(self, renewal: RenewalDocument) -> None:
        ask = GetWebhookSecret(owner=renewal.id, renew=True, renewal=renewal.renewal)
        await self._bus.ask(WEBHOOK_SECRET, ask, self._timeout_s)
