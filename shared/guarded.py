"""Connections to hosts that others name: a name is resolved once, its address is checked, and that one is connected to.

Host and the name in TLS stay those that were asked for. A name that points elsewhere a moment later changes nothing.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

import httpcore

from shared.contracts.addresses import Network, check_address

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""(host, port) -> its addresses. Raises OSError."""


async def resolved(host: str, port: int) -> Sequence[str]:
    """What this machine's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class NotResolved(httpcore.ConnectError):
    """The name has no address now, or the resolver does not know it."""


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects only where it is allowed (see `contracts.addresses`), for requests of one scheme."""

    def __init__(self, scheme: str, networks: tuple[Network, ...], resolve: Resolve = resolved) -> None:
        self._scheme = scheme
        self._networks = networks
        self._resolve = resolve
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises NotResolved, and AddressRefused when any address of the name is refused: which of them is used is a
        matter of luck.
        """
        try:
            addresses = await self._resolve(host.strip("[]"), port)
        except OSError as error:
            raise NotResolved(f"{host} cannot be resolved: {error}") from error
        for address in addresses:
            check_address(address, self._scheme, self._networks)
        problem: Exception = NotResolved(f"{host} has no address")
        for address in addresses:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem
