"""Ways into jobs: where they listen, and telling people of each as soon as it is open."""

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from services.embedded.saying import say
from shared.ports import free_port, is_free

DOOR_SETTING, SSH_SETTING = "JOBYARD_ENDPOINTS_HTTP_PORT", "JOBYARD_ENDPOINTS_SSH_PORT"

DOOR_S = 2.0
"""How long a door may take to answer before it is asked again."""


@dataclass(frozen=True)
class Door:
    """A way into jobs, which people are told of as soon as it is open. `says` has room for the key that it shows."""

    says: str
    host: str
    port: int
    key: Callable[[str, int], str | None] | None = None

    def announced(self) -> bool:
        """Whether it is open, which has been said then."""
        try:
            socket.create_connection((self.host, self.port), DOOR_S).close()
        except OSError:
            return False
        key = self.key(self.host, self.port) if self.key is not None else ""
        if key is not None:
            say(self.says.format(key=key))
        return key is not None


def host_key(host: str, port: int) -> str | None:
    """The fingerprint that SSH clients show at this door; None while nobody says."""
    import asyncssh

    async def ask() -> asyncssh.SSHKey | None:
        async with asyncio.timeout(DOOR_S):
            return await asyncssh.get_server_host_key(host, port, config=None)

    with suppress(OSError, TimeoutError, asyncssh.Error):
        key = asyncio.run(ask())
        return key.get_fingerprint() if key is not None else None
    return None


def doors() -> list[Door]:
    """Those that there are, as the endpoints service reads its settings."""
    from services.endpoints.settings import EndpointsSettings

    settings = EndpointsSettings()
    here = "127.0.0.1" if settings.host in ("", "0.0.0.0", "::") else settings.host
    found = []
    if settings.door is not None and settings.http_port:
        found.append(Door(f"jobs in a browser at {settings.door}", here, settings.http_port))
    if settings.ssh_port:
        says = f"jobs by SSH at {settings.ssh_name}, port {settings.ssh_shown or settings.ssh_port}, host key {{key}}"
        found.append(Door(says, here, settings.ssh_port, host_key))
    return found


def open_door(what: str, option: str, chosen: int | None, usual: int, setting: str) -> None:
    """Settle where a door into jobs listens: what was chosen, else the setting, else the usual port.

    The platform goes on without a door whose port somebody else has: its setting is 0 then.
    """
    if chosen is None and setting in os.environ:
        return
    port = free_port() if chosen == 0 else usual if chosen is None else chosen
    if not is_free(port):
        say(f"Port {port} is taken, so there is no {what}. Choose another with {option}.", to=sys.stderr)
        port = 0
    os.environ[setting] = str(port)
