"""Whom a submission wants to be told: the notify service says whether it can, before the job is stored."""

from collections.abc import Sequence

from shared.bus.bus import Bus
from shared.contracts.commands.support import CHECK_NOTIFY
from shared.contracts.errors import Refusal, Unavailable
from shared.contracts.notify import CheckNotify, Notify


class Recipients:
    """Only submissions that notify pay for the question."""

    def __init__(self, bus: Bus, timeout_s: float) -> None:
        self._bus = bus
        self._timeout_s = timeout_s

    def inquiry(self) -> "Inquiry":
        """The questions of one request."""
        return Inquiry(self)

    async def check(self, entries: Sequence[Notify]) -> None:
        """Raises Invalid, which names the entries that cannot be served; Unavailable while notify is away."""
        if entries:
            plain = tuple(Notify(to=entry.to, on=entry.on) for entry in entries)
            await self._bus.ask(CHECK_NOTIFY, CheckNotify(entries=plain), self._timeout_s)


class Inquiry:
    """Asks once about each list, however many jobs of the request have it."""

    def __init__(self, recipients: Recipients) -> None:
        self._recipients = recipients
        self._known: dict[tuple[tuple[str, tuple[str, ...]], ...], Refusal | None] = {}

    async def check(self, entries: Sequence[Notify]) -> None:
        """As `Recipients.check`."""
        key = tuple((entry.to, tuple(entry.on)) for entry in entries)
        if key not in self._known:
            self._known[key] = await self._answer(entries)
        refusal = self._known[key]
        if refusal is not None:
            raise refusal

    async def _answer(self, entries: Sequence[Notify]) -> Refusal | None:
        try:
            await self._recipients.check(entries)
        except Unavailable:
            raise
        except Refusal as refusal:
            return refusal
        return None
