"""How much the fields of a submission take: read from the contract that checks them, so that nobody repeats a bound.

Where the gateway or the platform takes less than the contract, that counts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.job import PATH_LENGTH, RANKS, JobRequest

PATHS = ("data_path", "work_path", "job_path", "checkpoint_path")
PATH_BYTES = PATH_LENGTH - len("/checkpoints")
"""What comes under a job's path has to fit in a path as well."""

_BOUNDS = {
    "minimum": "minimum",
    "maximum": "maximum",
    "maxLength": "length",
    "pattern": "pattern",
    "maxItems": "entries",
    "maxProperties": "entries",
}


@dataclass(frozen=True)
class Limit:
    """What a value has to keep to; None: nothing of the kind. `entries`: of a list or a map."""

    minimum: int | float | None = None
    maximum: int | float | None = None
    length: int | None = None
    pattern: str | None = None
    entries: int | None = None


def limits() -> dict[str, Limit]:
    """By the name of the field; `env.name` and `env.value` of what a map holds, `notify.to` of what a list does.

    What names a secret, which people write in `env`, is `env.secret`.
    """
    schema = JobRequest.model_json_schema()
    found = dict(_limits("", schema, schema.get("$defs", {})))
    found = {name: limit for name, limit in found.items() if not name.startswith("secrets")} | {
        "env.secret": found["secrets.value"]
    }
    narrower = {
        "nodes": Limit(minimum=1, maximum=RANKS),
        **{path: Limit(length=PATH_BYTES) for path in PATHS},
    }
    return {name: limit for name, limit in (found | narrower).items() if limit != Limit()}


def _limits(prefix: str, schema: Mapping[str, Any], types: Mapping[str, Any]) -> Iterator[tuple[str, Limit]]:
    for field, said in schema.get("properties", {}).items():
        name = f"{prefix}{field}"
        ways = [way for way in said.get("anyOf", [said]) if way.get("type") != "null"]
        yield name, Limit(**{_BOUNDS[key]: way[key] for way in reversed(ways) for key in _BOUNDS if key in way})
        for pattern, value in said.get("patternProperties", {}).items():
            yield f"{name}.name", Limit(pattern=pattern)
            yield f"{name}.value", Limit(**{_BOUNDS[key]: value[key] for key in _BOUNDS if key in value})
        items = said.get("items", {})
        if "$ref" in items:
            yield from _limits(f"{name}.", types[items["$ref"].rpartition("/")[2]], types)
        elif "anyOf" not in said:
            yield f"{name}.item", Limit(**{_BOUNDS[key]: items[key] for key in _BOUNDS if key in items})
