"""Who listens on a port of this machine, from what the kernel says under /proc: sockets, and whose they are.

Only this network namespace is looked at. Nothing is asked of the network, and nothing is remembered.
"""

import os
import re
import socket
from collections.abc import Iterable, Set
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from services.executor.backends.process import linux

Address = IPv4Address | IPv6Address

LOOPBACK: dict[int, Address] = {4: IPv4Address("127.0.0.1"), 6: IPv6Address("::1")}

_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LINE = rb"^ *\d+: ([0-9A-F]+):%04X [0-9A-F]+:0000 0A (?:\S+ +){5}(\d+) "
"""Local address and port, no peer, the state LISTEN; then the inode."""


@dataclass(frozen=True)
class Listener:
    """A socket that listens."""

    address: Address
    """Mapped addresses as those that they stand for."""
    inode: int
    family: int

    @property
    def target(self) -> Address:
        """Where it can be reached from this machine."""
        return LOOPBACK[self.family] if self.address.is_unspecified else self.address

    def hears(self, target: Address) -> bool:
        """Whether a connection to that address may come to this socket; `::` may listen to IPv4 as well."""
        if self.address.is_unspecified:
            return self.family in (6, target.version)
        return self.address == target


def on_port(port: int) -> list[Listener]:
    """Every socket that listens on this TCP port."""
    line = re.compile(_LINE % port, re.MULTILINE)
    found = []
    for table in _TABLES:
        for address, inode in line.findall(linux.read(table)):
            packed = bytes.fromhex(address.decode())
            # the kernel prints words of 32 bits, each as this machine has it in memory
            words = b"".join(packed[at : at + 4][::-1] for at in range(0, len(packed), 4))
            found.append(_listener(words, int(inode)))
    return found


def held(inodes: Set[int], pids: Iterable[int]) -> set[int]:
    """Those of the sockets that these processes hold. A process that may not be looked into holds none."""
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    found: set[int] = set()
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        for file in _names(folder):
            inode = wanted.get(_link(f"{folder}/{file}"))
            if inode is not None:
                found.add(inode)
                if found == inodes:
                    return found
    return found


def is_local(address: Address) -> bool:
    """Whether this is an address of the machine itself: a program may claim to listen on one that is not."""
    if address.is_loopback:
        return True
    if address.is_link_local or address.is_multicast or address.is_reserved:
        return False
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((str(address), 0))
        except OSError:
            return False
    return True


def _listener(packed: bytes, inode: int) -> Listener:
    address = ip_address(packed)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return Listener(address.ipv4_mapped, inode, 4)
    return Listener(address, inode, address.version)


def _names(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""
