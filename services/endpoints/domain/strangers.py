"""How many may be connected who have not said who they are, and who goes when one more comes.

Nobody can shut others out by staying silent: there is always room for one more, and the one that has waited the longest
makes it, of the address that has the most.
"""

from collections.abc import Hashable
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import Generic, TypeVar

S = TypeVar("S", bound=Hashable)


class Strangers(Generic[S]):
    """Connections that are not authenticated yet, by where they come from."""

    def __init__(self, most: int, most_of_one: int) -> None:
        self._most = most
        self._most_of_one = most_of_one
        self._sources: dict[S, str] = {}
        self._of: dict[str, dict[S, None]] = {}
        """The oldest of each first."""

    def enter(self, stranger: S, address: str) -> S | None:
        """It counts until `leave`; whoever has to go for it counts no more."""
        source = source_of(address)
        goes = self._who_goes(source)
        if goes is not None:
            self.leave(goes)
        self._sources[stranger] = source
        self._of.setdefault(source, {})[stranger] = None
        return goes

    def leave(self, stranger: S) -> None:
        """It is known now, or gone."""
        source = self._sources.pop(stranger, None)
        if source is not None:
            del self._of[source][stranger]
            if not self._of[source]:
                del self._of[source]

    def _who_goes(self, source: str) -> S | None:
        own = self._of.get(source, {})
        if len(own) >= self._most_of_one:
            return next(iter(own))
        if len(self._sources) >= self._most:
            busiest = max(self._of, key=lambda address: len(self._of[address]))
            return next(iter(self._of[busiest]))
        return None


def source_of(address: str) -> str:
    """What counts as one: an IPv4 address, and of IPv6 the network that one customer gets, which is a /64."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(IPv6Network((parsed, 64), strict=False))
