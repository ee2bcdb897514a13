"""The proxies in front of the door, whose word for where a request comes from is believed."""

from collections.abc import Container, Iterable
from ipaddress import ip_address, ip_network


class Proxies(Container[str]):
    """Contains the address of a peer that is one of `named`: addresses and networks, `10.0.0.7` and `10.0.0.0/8`.

    Raises ValueError for what is neither.
    """

    def __init__(self, named: Iterable[str] = ()) -> None:
        self._networks = tuple(map(ip_network, named))

    def __contains__(self, peer: object) -> bool:
        if not self._networks or not isinstance(peer, str):
            return False
        try:
            address = ip_address(peer)
        except ValueError:  # a client may write anything into X-Forwarded-For
            return False
        return any(address in network for network in self._networks)
