"""Settings from the environment. What is wrong with them is one sentence for each, which names the variable.

No sentence has the value of a setting that may hold a secret: it goes to logs.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, get_args

from pydantic import AliasChoices, SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

EXIT_CODE = os.EX_CONFIG
"""Of a process that cannot start with its settings: to start it again as it is would change nothing."""

_FIELD = re.compile(r'field "(\w+)"')
_FORM = "it has not the form that docs/configuration.md tells"


class WrongSettings(ValueError):
    """What an operator has to change before this process can start, as a sentence."""


class Settings(BaseSettings):
    """Base of all settings. To make one raises WrongSettings."""

    model_config: ClassVar[SettingsConfigDict] = SettingsConfigDict(hide_input_in_errors=True)

    def __init__(self, **values: Any) -> None:
        try:
            super().__init__(**values)
        except ValidationError as error:
            raise WrongSettings(" ".join(dict.fromkeys(_sentences(type(self), error)))) from None
        except SettingsError as error:
            raise WrongSettings(_unparsed(type(self), error)) from None


def variables(settings: type[BaseSettings], name: str) -> list[str]:
    """The names that a setting has in the environment."""
    alias = settings.model_fields[name].validation_alias
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [f"{settings.model_config.get('env_prefix', '')}{name}".upper()]


def _sentences(settings: type[BaseSettings], error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_input=False):
        first, *rest = (str(part) for part in problem["loc"] if "[" not in str(part))  # no names of validators
        name = _field_of(settings, first)
        place = f" at {'.'.join(rest)}" if rest else ""
        yield f"{_variable(settings, name)} is wrong{place}: {_said(problem, settings.model_fields[name])}."


def _unparsed(settings: type[BaseSettings], error: SettingsError) -> str:
    """Of a variable that is to be JSON."""
    found = _FIELD.search(str(error))
    if found is None:
        return f"{error}."
    cause = error.__cause__
    where = f" ({cause.msg}, at character {cause.pos + 1})" if isinstance(cause, json.JSONDecodeError) else ""
    return f"{_variable(settings, found[1])} is wrong: it is no JSON{where}."


def _said(problem: Mapping[str, Any], field: FieldInfo) -> str:
    """What validators of ours say may quote the value; pydantic's own words never do."""
    ours = problem["type"] in ("value_error", "assertion_error")
    if ours and _may_hold_a_secret(field):
        return _FORM
    return str(problem["msg"]).removeprefix("Value error, ").rstrip(".")


def _may_hold_a_secret(field: FieldInfo) -> bool:
    return not field.repr or SecretStr in (field.annotation, *get_args(field.annotation))


def _field_of(settings: type[BaseSettings], place: str) -> str:
    """By its own name, or by one that it has in the environment."""
    return next(name for name in settings.model_fields if place == name or place in variables(settings, name))


def _variable(settings: type[BaseSettings], name: str) -> str:
    """The one that is set, of those that a setting may have."""
    named = variables(settings, name)
    return next((each for each in named if each in os.environ), named[0])
