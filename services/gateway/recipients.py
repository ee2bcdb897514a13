"""Whom a submission wants to be told: the notify service says whether it can, before the job is stored."""

from collections.abc import Sequence

from shared.bus.bus import Bus
from shared.contracts import commands
from shared.contracts.notify import CheckNotify, Notify


class Recipients:
    """Only submissions that notify pay for the question."""

    def __init__(self, bus: Bus, timeout_s: float) -> None:
        self._bus = bus
        self._timeout_s = timeout_s

    async def check(self, entries: Sequence[Notify]) -> None:
        """Raises Invalid, which names the entries that cannot be served."""
        if entries:
            plain = tuple(Notify(to=entry.to, on=entry.on) for entry in entries)
            await self._bus.ask(commands.CHECK_NOTIFY, CheckNotify(entries=plain), self._timeout_s)
