"""Settings of the endpoints service, from the environment (`JOBYARD_ENDPOINTS_...`)."""

import socket
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from services.endpoints.domain.origins import LOOPBACK, Names
from services.endpoints.domain.place import Addresses
from services.endpoints.domain.proxies import Proxies
from shared.wrong_settings import Settings


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _proxies(named: tuple[str, ...]) -> tuple[str, ...]:
    Proxies(named)
    return named


Several = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Several values, separated by commas."""


class EndpointsSettings(Settings):
    """Where the doors listen, and how people reach them."""

    model_config = SettingsConfigDict(
        env_prefix="JOBYARD_ENDPOINTS_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field("127.0.0.1", description="Where both doors listen.")
    http_port: int = Field(
        8081, ge=0, le=65535, description="The door of Jupyter, TensorBoard and interactive ports; 0: none."
    )
    ssh_port: int = Field(2222, ge=0, le=65535, description="The SSH bastion; 0: none.")
    ssh_strangers: int = Field(
        100, ge=1, description="SSH connections at one time that nobody has authenticated; the oldest makes room."
    )
    ssh_strangers_per_address: int = Field(
        25, ge=1, description="Of these from one IPv4 address, or one /64 of IPv6; its oldest makes room."
    )
    public_url: str | None = Field(
        None, description="How browsers reach the HTTP door, `https://jobs.example.org`; none: `http://<host>:<port>`."
    )
    ssh_host: str | None = Field(None, description="The host name in the SSH lines that people are shown.")
    ssh_public_port: int | None = Field(
        None,
        ge=0,
        le=65535,
        description="The port in these lines; none: `ssh_port`; 0: people are shown `jobyard ssh` instead, which comes "
        "through the HTTP door.",
    )
    domain: str | None = Field(
        None,
        description="Gives each endpoint its own origin, `<job>-<name>.<domain>`; apart from the console's domain.",
    )
    trusted_hosts: Several = Field(
        (), description="Names in Host headers beside the loopback's, `host`'s and `public_url`'s; `*` takes any."
    )
    trusted_proxies: Annotated[Several, AfterValidator(_proxies)] = Field(
        (), description="Addresses and networks whose X-Forwarded headers are believed; none by default."
    )
    max_requests: int = Field(2000, ge=1, description="Requests and websockets of the HTTP door at one time.")
    max_requests_per_user: int | None = Field(
        None, ge=1, description="Of these, one user's, `jobyard ssh` and `port-forward` included; none: a tenth."
    )
    python: str | None = Field(
        None,
        description="On the nodes: the interpreter whose Jupyter and TensorBoard jobs without their own get; none: "
        "that of this service.",
    )
    tensorboard_keep_s: float = Field(
        86_400.0, ge=0, description="How long TensorBoard can be opened after a job's end; 0: not at all."
    )
    timeout_s: float = Field(5.0, gt=0, description="How long an answer of another service may take.")

    @property
    def door(self) -> str | None:
        """How browsers reach the HTTP door, without a slash at the end; None: there is none."""
        if not self.http_port:
            return None
        if self.public_url is not None:
            return self.public_url.rstrip("/")
        return f"http://{_reachable(self.host)}:{self.http_port}"

    @property
    def plain(self) -> bool:
        """Whether others than this machine reach the HTTP door, and without https."""
        if self.door is None:
            return False
        addresses = Addresses(self.door)
        return addresses.scheme == "http" and not (addresses.host in LOOPBACK and self.host in (*LOOPBACK, "::1"))

    @property
    def share(self) -> int:
        """How many requests and websockets of the HTTP door one user may have at one time."""
        return self.max_requests_per_user or max(1, self.max_requests // 10)

    @property
    def hosts(self) -> frozenset[str]:
        """Every name in a Host header that means the HTTP door itself."""
        own = Addresses(self.door).host if self.door is not None else self.host
        return frozenset((*LOOPBACK, own, *(name.lower() for name in self.trusted_hosts)))

    @property
    def names(self) -> Names:
        """What the HTTP door goes by, and whom it believes."""
        return Names(self.hosts, self.domain, self.proxies)

    @property
    def proxies(self) -> Proxies:
        """Whose X-Forwarded headers are believed."""
        return Proxies(self.trusted_proxies)

    @property
    def ssh_name(self) -> str:
        """The host in the SSH lines that people are shown."""
        return self.ssh_host or _reachable(self.host)

    @property
    def ssh_shown(self) -> int:
        """The port in these lines; 0: people are shown none."""
        return self.ssh_port if not self.ssh_port or self.ssh_public_port is None else self.ssh_public_port


def _reachable(host: str) -> str:
    """A host that one can connect to, also where one listens on all of them."""
    if host in ("0.0.0.0", "::", ""):
        return socket.gethostname()
    return f"[{host}]" if ":" in host else host
