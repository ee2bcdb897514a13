"""What the caller may see of what was used, from the metrics service: every page of every part, joined."""

from collections.abc import Sequence
from datetime import date
from functools import partial

from services.gateway.domain.access import Caller
from services.gateway.domain.usage import Lines, UsageGroup, counts, parts
from services.gateway.resources.usage import UsageLine, UsageSummary
from shared.bus.bus import Bus
from shared.contracts.commands.metrics import USAGE
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.metrics import AskUsage

MOST_ROWS = 100_000
"""The most rows of days that one answer is made of."""


class Usage:
    """Its methods raise Refusals."""

    def __init__(self, bus: Bus, timeout_s: float) -> None:
        self._bus = bus
        self._timeout_s = timeout_s

    async def summary(
        self, caller: Caller, first: date, last: date, vc: str | None, owner: str | None, groups: Sequence[UsageGroup]
    ) -> UsageSummary:
        """Those of the days. Raises Forbidden for somebody else's, Invalid for more than one answer holds."""
        lines = Lines(groups)
        for part in parts(caller, vc, owner):
            ask = AskUsage(first=first, last=last, vcs=part.vcs, owner=part.owner)
            while True:
                page = await self._bus.ask(USAGE, ask, self._timeout_s)
                lines.add(page.rows, partial(counts, caller))
                if lines.rows > MOST_ROWS:
                    message = (
                        f"these days hold more than {MOST_ROWS:,} rows; ask for fewer of them, one vc or one owner"
                    )
                    raise Invalid(f"first: {message}.", (FieldError(field="first", message=message),))
                if page.after is None:
                    break
                ask = ask.model_copy(update={"after": page.after})
        items = tuple(UsageLine.from_line(line) for line in lines.sorted())
        return UsageSummary(first=first, last=last, group=tuple(groups), items=items)
