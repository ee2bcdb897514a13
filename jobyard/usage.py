"""Who has used what, as `Client.usage`: my own, all of a virtual cluster for its administrators, or everything."""

from collections.abc import Iterable
from datetime import date

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
        first: date | None = None,
        last: date | None = None,
        vc: str | None = None,
        owner: str | None = None,
        group: Iterable[UsageGroup | str] = EVERY_GROUP,
    ) -> UsageSummary:
        """What was used on the days from `first` (this month's) to `last` (today), in UTC, both included.

        `group`: what lines are told apart by, some of `day`, `vc` and `owner`; types of devices always are. Attempts
        count once they are over, on each of their days for its part.
        """
        params = _params(first, last, vc, owner, group)
        return self._transport.parsed(UsageSummary, self._transport.get(PATH, params).content)

    def csv(
        self,
        *,
        first: date | None = None,
        last: date | None = None,
        vc: str | None = None,
        owner: str | None = None,
        group: Iterable[UsageGroup | str] = EVERY_GROUP,
    ) -> str:
        """The same as a table for a spreadsheet."""
        params = _params(first, last, vc, owner, group)
        response = self._transport.request("GET", PATH, params=params, headers={"Accept": "text/csv"})
        return response.content.decode()


def _params(
    first: date | None, last: date | None, vc: str | None, owner: str | None, group: Iterable[UsageGroup | str]
) -> Params:
    return parameters(
        first=first.isoformat() if first else None,
        last=last.isoformat() if last else None,
        vc=vc,
        owner=owner,
        group=",".join(str(name) for name in group),
    )
