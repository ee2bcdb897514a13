"""What a person submits: a job, or many at once."""

from collections.abc import Iterator
from typing import Annotated, Any, Self

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic.json_schema import SkipJsonSchema

from services.gateway.resources.body import Body
from shared.contracts import job as contract
from shared.contracts.base import UserName
from shared.contracts.job import (
    GIVES_DEVICES,
    SECRETS,
    EnvName,
    EnvValue,
    NewImage,
    SecretName,
)
from shared.contracts.notify import NOTIFY_ENTRIES, Notify

BATCH_JOBS = 1000
"""The most jobs that one call may submit."""


class SecretRef(Body):
    """Stands for a secret's value: the owner's own secret of this name, else that of the job's virtual cluster."""

    secret: SecretName


def _kind_of(value: Any) -> str:
    return "[secret]" if isinstance(value, dict | SecretRef) else "[value]"


EnvEntry = Annotated[
    Annotated[EnvValue, Tag("[value]")] | Annotated[SecretRef, Tag("[secret]")], Discriminator(_kind_of)
]
"""What a variable holds: a text, or the name of a secret, whose value the job's command alone gets to see."""


def _by_name(texts: Iterator[str | SecretRef]) -> Iterator[str]:
    return (text.secret if isinstance(text, SecretRef) else text for text in texts)


def _not_too_many(env: dict[str, str | SecretRef]) -> dict[str, str | SecretRef]:
    if sum(isinstance(entry, SecretRef) for entry in env.values()) > SECRETS:
        raise ValueError(f"must name at most {SECRETS} secrets")
    if taken := env.keys() & GIVES_DEVICES:
        raise ValueError(
            f"must not name {min(taken)}: the platform says which devices a job sees; ask for them with device_type "
            "and devices"
        )
    return env


def _told_in_env(secrets: dict[str, str]) -> dict[str, str]:
    if secrets:
        raise ValueError('are named in env, as {"NAME": {"secret": "its name"}}')
    return secrets


def _without_default(schema: dict[str, Any]) -> None:
    schema.pop("default")


class JobRequest(contract.JobRequest):
    """What a person submits. Only `name` and `command` are required, and `command` not by a job with endpoints."""

    model_config = ConfigDict(extra="forbid")

    command: Annotated[
        contract.Command,
        Field(
            description="A line for `/bin/sh -c`, or a list of arguments. Not needed with endpoints or ports.",
            json_schema_extra=_without_default,
        ),
    ] = contract.IDLE
    image: Annotated[NewImage | None, Field(description="Container image; `process` ignores it.")] = None
    env: Annotated[dict[EnvName, EnvEntry], Field(max_length=256), AfterValidator(_not_too_many)] = Field(  # type: ignore[assignment]
        default_factory=dict
    )
    secrets: SkipJsonSchema[Annotated[dict[str, str], AfterValidator(_told_in_env)]] = Field(default_factory=dict)
    owner: Annotated[UserName | None, Field(description="At most your own name; usually left out.")] = None
    notify: Annotated[
        tuple["NotifyEntry", ...], Field(max_length=NOTIFY_ENTRIES, description="Whom to tell what happens to it.")
    ] = ()

    @model_validator(mode="after")
    def _has_something_to_do(self) -> Self:
        if "command" not in self.model_fields_set and not (self.endpoints or self.interactive_ports):
            raise ValueError("command: is required; only a job with endpoints or interactive_ports needs none")
        return self

    def texts(self) -> Iterator[str]:
        return _by_name(super().texts())


class Batch(Body):
    """Up to 1,000 submissions at once, each accepted or refused for itself."""

    jobs: Annotated[tuple[JobRequest, ...], Field(min_length=1, max_length=BATCH_JOBS)]


class NotifyEntry(Notify):
    """Somebody to tell about a job: a mail address, a webhook, or a service that the operator allowed."""

    model_config = ConfigDict(extra="forbid")
