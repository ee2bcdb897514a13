"""Which network addresses the platform connects to where somebody else has named the host: one rule for all.

It is asked at the moment of connecting, with the very address that is connected to.
"""

import ipaddress

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PUBLIC_V6 = ipaddress.IPv6Network("2000::/3")
_DOCUMENTED_V6 = ipaddress.IPv6Network("3fff::/20")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class AddressRefused(ValueError):
    """The message is a sentence for whoever named the host."""


def check_address(address: str, scheme: str, networks: tuple[Network, ...]) -> None:
    """Raises AddressRefused for an address that nothing may be sent to, in any of its disguises.

    Public addresses are free for https; all others, those that embed an IPv4 address in an IPv6 one, and everything
    by plain http, only within `networks`.
    """
    plain = ipaddress.ip_address(address)
    inner = _embedded(plain)
    known = inner or plain
    if any(known.version == network.version and known in network for network in networks):
        return
    if scheme == "http":
        raise AddressRefused(f"{address} is not in a network that the operators allowed for plain http; use https://")
    strange = plain.version == 6 and (plain not in _PUBLIC_V6 or plain in _DOCUMENTED_V6)
    if inner is not None or strange or not plain.is_global or plain.is_multicast:
        raise AddressRefused(f"{address} is an address inside of a network; the operators have to allow it")


def _embedded(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 one stands for."""
    if isinstance(address, ipaddress.IPv4Address):
        return None
    if address in _NAT64 or int(address) >> 32 == 0:  # NAT64; the old IPv4-compatible form
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF) if int(address) > 1 else None
    return address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
