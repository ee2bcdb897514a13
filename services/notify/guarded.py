"""Connections of webhooks: a name is resolved once, its address is checked, and that very address is connected to.

Host and the name in TLS stay those of the webhook. A name that points elsewhere a moment later changes nothing.
"""

import asyncio
import socket
from collections.abc import Iterable
from typing import Any

import httpcore

from services.notify.domain.target import Network, Refused, check
from services.notify.failures import Hopeless


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects only where the operator allows, for requests of one scheme."""

    def __init__(self, scheme: str, networks: tuple[Network, ...]) -> None:
        self._scheme = scheme
        self._networks = networks
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises Hopeless when any address of the name is refused: which one is used would be a matter of luck."""
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpcore.ConnectError(f"{host} cannot be resolved: {error}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            try:
                check(address, self._scheme, self._networks)
            except Refused as refused:
                raise Hopeless(f"{host} is not allowed: {refused}.") from refused
        problem: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in addresses:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                problem = error
        raise problem
