"""Credentials for registries of images: they come in, and none ever goes out."""

from typing import Annotated

from pydantic import AfterValidator, Field

from services.gateway.resources.body import Body
from shared.contracts.base import Contract, Timestamp, UserName


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must not contain line ends or other control characters; remove them")
    return text


def _not_divided(text: str) -> str:
    if ":" in text:
        raise ValueError("must not contain ':'; that stands between it and the password")
    return text


Text = Annotated[str, AfterValidator(_one_line)]


class RegistryCredentials(Body):
    """What a registry lets the virtual cluster in with. No answer ever shows it again."""

    username: Annotated[Text, Field(min_length=1, max_length=255), AfterValidator(_not_divided)]
    password: Annotated[Text, Field(min_length=1, max_length=16_384, description="Or a token.")] = Field(repr=False)


class Registry(Contract):
    """A registry that a virtual cluster has credentials for."""

    registry: Annotated[str, Field(description="`docker.io`, `registry.lab:5000`.")]
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: UserName


class Registries(Contract):
    """All of a virtual cluster, by name."""

    items: tuple[Registry, ...]
