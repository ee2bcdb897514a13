"""What is wrong with a request, field by field, in sentences that say what to do.

Reads the errors of pydantic (as plain mappings: `type`, `loc`, `msg`, `ctx`) and never repeats what was sent.
"""

from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from shared.contracts.endpoints import ASKED_NAME, NAME, NAMES
from shared.contracts.errors import FieldError

SHAPES = {
    "name": "must begin with a letter or digit and have at most 64 letters, digits, '.', '_' or '-'",
    "owner": "must be a user name",
    "vc": "must be the name of a virtual cluster: letters, digits, '_' or '-', at most 63",
    "q": "must be a job's id or the beginning of its name: letters, digits, '.', '_' or '-', at most 64",
    "image": "must be an image reference without spaces or options, for example 'python:3.12'",
    "device_type": "must be a device type in lower case, for example 'v100', or 'cpu'",
    "env": "names must begin with a letter or '_' and have at most 128 letters, digits or '_'",
    "labels": "keys and values take at most 63 letters, digits, '_', '/' or '-'; values also '.', '@', '+' or '='",
    "ids": "must be job ids: 26 characters each, as in 01JD8F2M5V7Q0R3S6T9W2X4Y8Z",
    "secret": "must be a secret's name: at most 64 letters, digits, '_', '.' or '-', not beginning with '.' or '-'",
    "notify.to": "must be an address such as mailto:ada@example.org or https://example.org/hook, without spaces",
    "notify.on": "must be names of events in lower case, for example 'finished'",
    "job_id": "must be a job id: 26 characters as in 01JD8F2M5V7Q0R3S6T9W2X4Y8Z",
}
PATTERNS = dict.fromkeys((NAME, ASKED_NAME), f"must be {NAMES}")
"""What has a field's usual name and another meaning: known by its pattern."""
WORDS = {
    "missing": "is required",
    "string_type": "must be a string",
    "int_type": "must be a whole number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "is too large",
    "float_type": "must be a number",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "finite_number": "must be a finite number",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "dict_type": "must be an object of names and values",
    "model_type": "must be a JSON object",
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be above {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be below {lt}",
    "string_too_short": "must have at least {min_length} character(s)",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} item(s)",
    "too_long": "must have at most {max_length} items",
    "literal_error": "must be {expected}",
    "enum": "must be {expected}",
    "json_invalid": "the body is not valid JSON: {error}",
}
UNSEEN = frozenset({"[key]", "[value]", "[secret]"})
"""Parts of a place that say which way a field was read, and are no fields."""
COMMAND = "must be a line for the shell, or a list of arguments"
SHOWN = 3
"""Fields that the summary names; the list has them all."""

Error = Mapping[str, Any]


def complaints(errors: Iterable[Error], known: Collection[str] = ()) -> tuple[FieldError, ...]:
    """One entry per thing that is wrong. `known`: the fields there are, to suggest from."""
    found = list(errors)
    command = [error for error in found if error["loc"][:1] == ("command",) and len(error["loc"]) > 1]
    rest = [_complaint(error, known) for error in found if error not in command]
    return (*_about_command(command), *rest)


def summary(errors: Collection[FieldError]) -> str:
    """All of it in one sentence."""
    named = [f"{error.field}: {error.message}" if error.field else error.message for error in errors]
    more = f"; and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    return f"{'; '.join(named[:SHOWN])}{more}."


def _about_command(errors: list[Error]) -> list[FieldError]:
    """A union complains once for each of its members: keep the complaints of the one that was meant."""
    if not errors:
        return []
    line = [error for error in errors if len(error["loc"]) == 2 and not str(error["loc"][1]).startswith("tuple")]
    arguments = [error for error in errors if error not in line]
    if any(error["type"] != "tuple_type" for error in arguments):
        meant = arguments
    elif any(error["type"] == "string_type" for error in line):
        return [FieldError(field="command", message=COMMAND)]
    else:
        meant = line
    return [FieldError(field=_dotted(("command", *error["loc"][2:])), message=_sentence(error)) for error in meant]


def _complaint(error: Error, known: Collection[str]) -> FieldError:
    loc = tuple(part for part in error["loc"] if part not in UNSEEN)
    if error["type"] == "extra_forbidden":
        return FieldError(field=_dotted(loc), message=_unknown(str(loc[-1]), known))
    message = _sentence(error)
    field, colon, rest = message.partition(": ")
    if error["type"] == "value_error" and not loc and colon:
        return FieldError(field=field, message=rest)
    return FieldError(field=_dotted(loc), message=message)


def _unknown(name: str, known: Collection[str]) -> str:
    similar = get_close_matches(name[:64], known, n=1)
    return f"is not known here; did you mean '{similar[0]}'?" if similar else "is not known here; remove it"


def _sentence(error: Error) -> str:
    kind = error["type"]
    if kind == "string_pattern_mismatch":
        names = (
            ["secret"] if "[secret]" in error["loc"] else [str(part) for part in error["loc"] if isinstance(part, str)]
        )
        pattern = error["ctx"]["pattern"]
        known = PATTERNS.get(pattern) or SHAPES.get(".".join(names)) or SHAPES.get(names[0] if names else "")
        return known or f"must match the pattern {pattern}"
    if kind == "value_error":
        return str(error["msg"]).removeprefix("Value error, ")
    words = WORDS.get(kind)
    return words.format_map(error.get("ctx") or {}) if words else str(error["msg"])


def _dotted(loc: tuple[int | str, ...]) -> str:
    return ".".join(str(part)[:80] for part in loc)
