"""The bastion's server: where it listens, with which key and ciphers, and who is connected."""

import asyncssh
import structlog

from services.endpoints.bastion.hostkey import HostKeys
from services.endpoints.bastion.visitor import Touch, Visitor
from services.endpoints.domain.strangers import Strangers
from services.endpoints.guard import Guard
from services.endpoints.settings import EndpointsSettings
from shared.streams.client import Streams

log = structlog.get_logger()

CIPHERS = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-ctr",
    "aes192-ctr",
    "aes256-ctr",
)
"""All clients have one of these, and they are the fastest here by far."""
MACS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")
SIGNATURES = (
    "ssh-ed25519",
    "sk-ssh-ed25519@openssh.com",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-256",
    "rsa-sha2-512",
)
STOPPING = "The platform's door is being restarted, and the job goes on: connect again in a moment."
LOGIN_S = 30
ALIVE_S = 15
"""A client that does not answer for four times as long is gone."""


class Bastion:
    """One replica's SSH server. No port: none."""

    def __init__(
        self, settings: EndpointsSettings, guard: Guard, streams: Streams, keys: HostKeys, touch: Touch
    ) -> None:
        self._settings = settings
        self._guard = guard
        self._streams = streams
        self._keys = keys
        self._touch = touch
        self._strangers = Strangers[Visitor](settings.ssh_strangers, settings.ssh_strangers_per_address)
        self._visitors: set[Visitor] = set()
        self._acceptor: asyncssh.SSHAcceptor | None = None

    async def start(self) -> None:
        """Listen. The platform goes on without it where the port is taken, and says so."""
        host, port = self._settings.host, self._settings.ssh_port
        if port == 0:
            return
        asyncssh.set_log_level("WARNING")  # it would tell every channel's life
        key = await self._keys.get()
        try:
            self._acceptor = await asyncssh.listen(
                host,
                port,
                server_factory=self._visitor,
                server_host_keys=[key],
                server_version="Jobyard",
                encryption_algs=CIPHERS,
                mac_algs=MACS,
                signature_algs=SIGNATURES,
                compression_algs=("none",),
                public_key_auth=True,
                password_auth=False,
                kbdint_auth=False,
                host_based_auth=False,
                gss_host=None,
                config=None,
                login_timeout=LOGIN_S,
                keepalive_interval=ALIVE_S,
                keepalive_count_max=4,
                agent_forwarding=False,
                x11_forwarding=False,
                line_editor=False,
                encoding=None,
            )
        except OSError as error:
            log.error("ssh_port_not_opened", host=host, port=port, error=error.strerror)
            return
        log.info("ssh_listens", host=host, port=port, fingerprint=key.get_fingerprint())

    async def stop(self) -> None:
        """Close the port, and cut who is connected."""
        if self._acceptor is None:
            return
        self._acceptor.close()
        for visitor in list(self._visitors):
            visitor.cut(STOPPING)
        await self._acceptor.wait_closed()

    def _visitor(self) -> Visitor:
        visitor = Visitor(self._guard, self._streams, self._strangers, self._touch, self._visitors.discard)
        self._visitors.add(visitor)
        return visitor
