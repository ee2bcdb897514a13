"""Settings of the endpoints service, from the environment (`JOBYARD_ENDPOINTS_...`)."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class EndpointsSettings(BaseSettings):
    """Where the doors listen, and how people reach them."""

    model_config = SettingsConfigDict(
        env_prefix="JOBYARD_ENDPOINTS_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    host: str = Field("127.0.0.1", description="Where both doors listen.")
    http_port: int = Field(
        8081, ge=0, le=65535, description="The door of Jupyter, TensorBoard and interactive ports; 0: none."
    )
    ssh_port: int = Field(2222, ge=0, le=65535, description="The SSH bastion; 0: none.")
    public_url: str | None = Field(
        None, description="How browsers reach the HTTP door, `https://jobs.example.org`; none: `http://<host>:<port>`."
    )
    ssh_host: str | None = Field(None, description="The host name in the SSH lines that people are shown.")
    domain: str | None = Field(
        None,
        description="Gives each endpoint its own origin, `<job>-<name>.<domain>`; apart from the console's domain.",
    )
    timeout_s: float = Field(5.0, gt=0, description="How long an answer of another service may take.")
