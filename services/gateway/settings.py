"""Settings of the gateway, from the environment: `JOBYARD_GATEWAY_...`, and `JOBYARD_PORT` for its port."""

import ipaddress
from pathlib import Path
from typing import Annotated, Any

from pydantic import AliasChoices, BeforeValidator, Field, SecretStr, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from services.gateway.domain.origins import LOOPBACK, as_host
from services.gateway.domain.registries import PUBLIC, named
from shared.contracts.addresses import Network
from shared.wrong_settings import Settings


def _split(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


def _networks(value: Any) -> Any:
    parts = _split(value)
    return tuple(ipaddress.ip_network(part) if isinstance(part, str) else part for part in parts)


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
"""Several values, separated by commas."""


class GatewaySettings(Settings):
    """Where the gateway listens, whom it believes, and how much it takes."""

    model_config = SettingsConfigDict(
        env_prefix="JOBYARD_GATEWAY_", env_ignore_empty=True, extra="ignore", frozen=True, populate_by_name=True
    )

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(
        8080,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("JOBYARD_GATEWAY_PORT", "JOBYARD_PORT"),
        description="The port to listen on; 0: any that is free.",
    )
    trusted_hosts: Names = Field(
        (), description="Names in Host headers beside the loopback's and `host`; `*` takes any."
    )
    allowed_origins: Names = Field((), description="Origins of other sites whose pages may use the API.")
    trusted_proxies: Names = Field(
        (), description="Addresses and networks whose X-Forwarded headers are believed; none by default."
    )
    endpoints_url: str | None = Field(
        None,
        validation_alias=AliasChoices("JOBYARD_GATEWAY_ENDPOINTS_URL", "JOBYARD_ENDPOINTS_PUBLIC_URL"),
        description="Where `/endpoints/...` is redirected to; none: `endpoints_port` of the host that was asked for.",
    )
    endpoints_port: int = Field(
        8081,
        ge=0,
        le=65535,
        validation_alias=AliasChoices("JOBYARD_GATEWAY_ENDPOINTS_PORT", "JOBYARD_ENDPOINTS_HTTP_PORT"),
        description="The port of the door to Jupyter, TensorBoard and interactive ports; 0: none.",
    )
    console: Path | None = Field(
        None, description="The folder of the built console; none: `console/dist` of the checkout."
    )
    secret_key: SecretStr | None = Field(
        None,
        repr=False,
        description="Keys of secrets in base64, the newest first; 32 bytes each. All replicas need the same.",
    )
    secret_key_file: Path | None = Field(
        None, description="A file with these keys, one per line; by default `<data>/secret-key`, made at first start."
    )
    admin_password: SecretStr | None = Field(
        None,
        min_length=8,
        max_length=1024,
        description="Of `admin`, who is made with it at the first start; a later one changes nothing. None: one is "
        "made up and kept in `<data>/admin-password`.",
    )
    token_ttl_s: int = Field(12 * 3600, ge=60, le=30 * 86_400, description="How long a token counts.")
    wrong_passwords_per_minute: int = Field(
        10, ge=1, description="For a name from an address; 6 times for an address, 10 for a name; then 429."
    )
    submissions_per_minute: int | None = Field(
        None, ge=1, description="Jobs that one user may submit; a larger batch gets 422. None: no limit."
    )
    refuse_beyond_any_node: bool = Field(
        True,
        description="Refuse a job of which one rank asks for more than any node has, were it empty. Switch it off "
        "where larger nodes come when they are needed.",
    )
    support_per_hour: int = Field(20, ge=1, description="Support cases that one user may open within an hour.")
    submit_deadline_s: float = Field(20.0, gt=0, description="How long a submission is repeated before a 503.")
    command_timeout_s: float = Field(5.0, gt=0, description="How long another service may take to answer.")
    explain_timeout_s: float = Field(0.3, gt=0, description="How long the scheduler may take to explain a page.")
    prometheus_timeout_s: float = Field(30.0, gt=0, description="How long Prometheus may take to answer somebody.")
    prometheus_answer_bytes: int = Field(
        16 << 20, ge=1024, description="The largest answer of Prometheus; above it 422."
    )
    grafana_url: str | None = Field(
        None,
        pattern=r"^https?://[^/?#@\s]+/?$",
        description="`http://grafana:3000`: whose dashboards of jobs are shown under `/grafana/`; none: no dashboards.",
    )
    grafana_timeout_s: float = Field(40.0, gt=0, description="How long Grafana may take to answer.")
    grafana_answer_bytes: int = Field(16 << 20, ge=1024, description="The largest answer of Grafana; above it 503.")
    summaries_timeout_s: float = Field(
        0.3, gt=0, description="How long the metrics service may take to say what a page of jobs has used."
    )
    registries: Names = Field(
        PUBLIC,
        description="Registries that are asked for the digests of images, beside those that a virtual cluster has "
        "credentials for; `http://` before one without TLS, which is in a network of `registry_networks`; `none`: only "
        "the latter.",
    )
    registry_networks: Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)] = Field(
        (), description="Networks of yours with registries (`10.0.0.0/8`); those in any other are not asked."
    )
    registry_timeout_s: float = Field(
        3.0, gt=0, le=30, description="How long a submission waits for a registry, until its image is not pinned."
    )
    body_bytes: int = Field(1 << 20, ge=1024, description="The largest request body; above it 413.")
    head_timeout_s: float = Field(10.0, gt=0, description="How long a request's head may take to arrive.")
    body_timeout_s: float = Field(30.0, gt=0, description="How long a request body may take to arrive.")
    public_body_timeout_s: float = Field(5.0, gt=0, description="The same where no token is needed.")
    max_requests: int = Field(1000, ge=1, description="Requests at one time; above it 503.")
    max_streams: int = Field(500, ge=1, description="Followers and downloads among them; above it 503.")
    max_streams_per_user: int = Field(50, ge=1, description="Those of one user; above it 429.")
    stalled_s: float = Field(60.0, gt=0, description="A reader that takes nothing for so long is cut off.")
    keepalive_s: float = Field(15.0, gt=0, description="A silent stream of events says this often that it lives.")
    drain_s: int = Field(4, ge=0, description="How long requests may go on after SIGTERM.")
    access_log: bool = Field(False, description="Log every request.")

    @field_validator("registries")
    @classmethod
    def _named(cls, registries: tuple[str, ...]) -> tuple[str, ...]:
        named(registries)
        return registries

    @property
    def hosts(self) -> frozenset[str]:
        """Every name in a Host header that means this platform."""
        return frozenset((*LOOPBACK, as_host(self.host), *(name.lower() for name in self.trusted_hosts)))
