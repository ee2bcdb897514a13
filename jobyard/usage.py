"""Who has used what, as `Client.usage`: my own, all of a virtual cluster for its administrators, or everything."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from jobyard.models import UsageGroup, UsageSummary
from jobyard.transport import Params, Transport, parameters

PATH = "/api/v1/usage"
EVERY_GROUP = tuple(UsageGroup)


class Usage:
    """Every method raises a subclass of JobyardError; Forbidden for what others have used."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def summary(
        self,
        *,
        first: date | str | None = None,
        last: date | str | None = None,
        vc: str | None = None,
        owner: str | None = None,
        group: Iterable[UsageGroup | str] | str = EVERY_GROUP,
    ) -> UsageSummary:
        """What was used on the days from `first` (this month's) to `last` (today), in UTC, both included.

        A day may also be a text, "2026-11-28". `group`: what lines are told apart by, one or some of `day`, `vc` and
        `owner`; types of devices always are. Attempts count once they are over, on each of their days for its part.
        """
        params = _params(first, last, vc, owner, group)
        return self._transport.parsed(UsageSummary, self._transport.get(PATH, params).content)

    def csv(
        self,
        *,
        first: date | str | None = None,
        last: date | str | None = None,
        vc: str | None = None,
        owner: str | None = None,
        group: Iterable[UsageGroup | str] | str = EVERY_GROUP,
    ) -> str:
        """The same as a table for a spreadsheet."""
        params = _params(first, last, vc, owner, group)
        response = self._transport.request("GET", PATH, params=params, headers={"Accept": "text/csv"})
        return response.content.decode()


def _params(
    first: date | str | None,
    last: date | str | None,
    vc: str | None,
    owner: str | None,
    group: Iterable[UsageGroup | str] | str,
) -> Params:
    groups = group if isinstance(group, str) else ",".join(str(name) for name in group)
    return parameters(first=_day(first), last=_day(last), vc=vc, owner=owner, group=groups)


def _day(day: date | str | None) -> str | None:
    """As the API takes it; of a moment the day that it has in UTC."""
    if isinstance(day, datetime):
        day = day.astimezone(UTC).date()
    return day.isoformat() if isinstance(day, date) else day
