"""Who listens on a port of this machine, from what the kernel says: sockets, and whose they are.

Only this network namespace is looked at. Nothing is sent to anybody, and nothing is remembered. The kernel is asked
for listening sockets alone: /proc/net/tcp goes through all connections as well, which takes milliseconds on a busy
machine. It is read where the kernel answers no such question.
"""

import os
import re
import socket
import struct
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from services.executor.backends.process import linux

Address = IPv4Address | IPv6Address

LOOPBACK: dict[int, Address] = {4: IPv4Address("127.0.0.1"), 6: IPv6Address("::1")}

_LISTEN = 10
_TABLES = ("/proc/net/tcp", "/proc/net/tcp6")
_LINE = rb"^ *\d+: ([0-9A-F]+):%04X [0-9A-F]+:0000 0A (?:\S+ +){5}(\d+) "
"""Local address and port, no peer, the state LISTEN; then the inode."""

# linux/netlink.h, linux/sock_diag.h, linux/inet_diag.h
_SOCK_DIAG = 4
_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_ERROR, _DONE = 2, 3
_HEADER = struct.Struct("=IHHII")
_REQUEST = struct.Struct("=BBBBI48x")
_PLACE = struct.Struct("!4xH2x16s")
_INODE = struct.Struct("=68xI")
"""Of an `inet_diag_msg`: port and address as on the wire, the inode as in this machine's memory."""


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
    try:
        return list(asked_for(port))
    except OSError:
        return list(read_for(port))


def asked_for(port: int) -> Iterator[Listener]:
    """By the kernel's answer. Raises OSError where it gives none."""
    for family, size in ((socket.AF_INET, 4), (socket.AF_INET6, 16)):
        for body in _dumped(_REQUEST.pack(family, socket.IPPROTO_TCP, 0, 0, 1 << _LISTEN)):
            at, address = _PLACE.unpack_from(body)
            if at == port:
                [inode] = _INODE.unpack_from(body)
                yield _listener(address[:size], inode)


def read_for(port: int) -> Iterator[Listener]:
    """By what stands under /proc."""
    line = re.compile(_LINE % port, re.MULTILINE)
    for table in _TABLES:
        for address, inode in line.findall(linux.read(table)):
            packed = bytes.fromhex(address.decode())
            # words of 32 bits, each printed as a number of this machine
            words = (int.from_bytes(packed[at : at + 4], "big") for at in range(0, len(packed), 4))
            yield _listener(b"".join(struct.pack("=I", word) for word in words), int(inode))


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


def _dumped(request: bytes) -> Iterator[bytes]:
    """The answers to a request of netlink."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _SOCK_DIAG) as kernel:
        kernel.send(_HEADER.pack(_HEADER.size + len(request), _BY_FAMILY, _REQUEST_DUMP, 1, 0) + request)
        while True:
            data = kernel.recv(1 << 16)
            at = 0
            while at < len(data):
                length, kind, *_ = _HEADER.unpack_from(data, at)
                if kind == _DONE:
                    return
                if kind == _ERROR:
                    [number] = struct.unpack_from("=i", data, at + _HEADER.size)
                    raise OSError(-number, os.strerror(-number))
                yield data[at + _HEADER.size : at + length]
                at += (length + 3) & ~3


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
