"""Settings of the sign-in at an OpenID Connect issuer: `JOBYARD_GATEWAY_OIDC_...`; without an issuer there is none."""

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode, SettingsConfigDict

from services.gateway.domain.claims import Grant, grant_of
from shared.wrong_settings import Settings


def _grants(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(grant_of(part.strip()) for part in value.split(",") if part.strip())
    return value


def _names(value: Any) -> Any:
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    return value


class OidcSettings(Settings):
    """Which issuer signs people in, as which client, and what its claims mean here."""

    model_config = SettingsConfigDict(
        env_prefix="JOBYARD_GATEWAY_OIDC_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    issuer: str | None = Field(
        None, pattern=r"^https?://[^\s?#]+$", description="The issuer's address, exactly as it names itself."
    )
    client_id: str = Field("jobyard", description="The client that the issuer knows this platform as.")
    forwarded_clients: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_names)] = Field(
        (),
        description="Other clients of the issuer, such as Grafana's, whose ID tokens are taken for questions to "
        "Prometheus, separated by commas; none by default.",
    )
    client_secret: SecretStr | None = Field(None, description="Its secret; none for a public client.")
    scopes: str = Field("openid profile email", description="What is asked for, separated by spaces.")
    redirect_url: str | None = Field(
        None, description="The callback as the issuer knows it; else this platform's own address, as it was asked."
    )
    name_claim: str = Field("preferred_username", description="The claim that becomes the user's name.")
    groups_claim: str = Field("groups", description="The claim that lists the user's groups.")
    vcs: Annotated[tuple[Grant, ...], NoDecode, BeforeValidator(_grants)] = Field(
        (),
        description="What groups get, as `group=vc:role`, separated by commas; these VCs follow the claims.",
    )
    admin_group: str | None = Field(None, description="Its members are administrators, nobody else of the issuer.")
    steps_per_minute: int = Field(120, ge=1, description="Steps of sign-ins that one address may take; then 429.")
