"""Settings of the notify service, from the environment (`JOBYARD_NOTIFY_...`)."""

import ipaddress
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode, SettingsConfigDict

from services.notify.domain.sending import Rules
from services.notify.domain.target import Policy
from shared.contracts.addresses import Network
from shared.contracts.notify import Email
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
Mails = Annotated[tuple[Email, ...], NoDecode, BeforeValidator(_split)]
Networks = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(_networks)]


class NotifySettings(Settings):
    """The mail server, who the operators are, and where notifications may go."""

    model_config = SettingsConfigDict(env_prefix="JOBYARD_NOTIFY_", env_ignore_empty=True, extra="ignore", frozen=True)

    smtp_host: str | None = Field(None, description="The mail server; none: mails become files in `<data>/mail`.")
    smtp_port: int | None = Field(None, ge=1, le=65535, description="Default: 587, with `tls` 465, with `none` 25.")
    smtp_user: str | None = Field(None, description="For signing in there.")
    smtp_password: SecretStr | None = Field(None, description="Its password.")
    smtp_tls: Literal["none", "starttls", "tls"] = Field(
        "starttls", description="How the connection is encrypted; the server's certificate has to be right."
    )
    smtp_timeout_s: float = Field(30.0, gt=0, description="How long one mail may take.")
    sender: Email = Field("jobyard@localhost", description="Address that mails come from.")
    operators: Mails = Field((), description="Who gets support mails, by commas; none: they become files as well.")
    first_wait_s: float = Field(10.0, gt=0, description="The wait before a second try; doubled each time, to an hour.")
    give_up_s: float = Field(86_400.0, ge=0, description="How long a message is tried before it is a dead letter.")
    lease_s: float = Field(120.0, gt=0, description="How long a try holds its message, more than any of them takes.")
    web_timeout_s: float = Field(10.0, gt=0, description="How long a webhook or a push message may take.")
    allow_private: Networks = Field(
        (), description="Networks that webhooks may reach beside public addresses, as `10.0.0.0/8`, by commas."
    )
    apprise_schemes: Names = Field(
        (), description="Apprise services that jobs may name, for instance `slack,msteams`; none by default."
    )
    mail_domains: Names = Field((), description="Domains that notifications may be mailed to; none: any.")

    mails_per_hour: int = Field(
        60, ge=0, description="Notification mails that one person's jobs may cause within an hour; 0: any number."
    )
    keep_days: int = Field(
        90,
        ge=8,
        description="Days to keep cases and notifications that are over; more than the 7 that events are kept.",
    )

    @property
    def port(self) -> int:
        """The mail server's port."""
        return self.smtp_port or {"none": 25, "starttls": 587, "tls": 465}[self.smtp_tls]

    @property
    def rules(self) -> Rules:
        return Rules(self.first_wait_s, self.lease_s, self.give_up_s)

    @property
    def policy(self) -> Policy:
        return Policy(
            self.allow_private,
            frozenset(name.lower() for name in self.apprise_schemes),
            frozenset(name.lower() for name in self.mail_domains),
        )
