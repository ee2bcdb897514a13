"""Secrets: a value comes in, and none ever goes out."""

from typing import Annotated

from pydantic import AfterValidator, Field

from services.gateway.resources.body import Body
from shared.contracts.base import Contract, Timestamp, UserName
from shared.contracts.job import (
    SecretName,
)

SECRET_BYTES = 65_536
"""The most that a secret's value takes in UTF-8."""


def _fits_in_an_environment(value: str) -> str:
    if "\0" in value:
        raise ValueError("must not contain a NUL character; remove it, or encode the value")
    if len(value.encode()) > SECRET_BYTES:
        raise ValueError(f"takes more than {SECRET_BYTES} bytes; put it into a file that the job reads")
    return value


class SecretValue(Body):
    """A secret's new value. No answer ever shows it again."""

    value: Annotated[str, Field(min_length=1), AfterValidator(_fits_in_an_environment)] = Field(repr=False)


class Secret(Contract):
    """That there is a secret, and since when. Its value is never shown."""

    name: SecretName
    created_at: Timestamp
    updated_at: Timestamp
    updated_by: UserName


class Secrets(Contract):
    """All secrets of one holder, by name."""

    items: tuple[Secret, ...]
