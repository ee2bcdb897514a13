"""Whether a contract's new JSON schema only adds to the committed one, the rule within v1.

Old and new services run side by side, and stored events outlive the code that wrote them. So a message may gain
optional fields and types, and its prose may change; all else would make a reader refuse what a writer sends: a field
that goes, one that becomes required, another type, limit, default or set of values.
"""

from typing import Any

from docs.tools.contracts import JsonSchema

PROSE = frozenset({"title", "description", "examples"})


def breaks(old: Any, new: Any, path: str = "") -> list[str]:
    """What is not additive, a sentence for each, with the path in the schema where it stands."""
    if isinstance(old, dict) and isinstance(new, dict):
        return _object_breaks(old, new, path)
    return [] if old == new else [f"{path or '/'}: was {old!r}, is {new!r}"]


def _object_breaks(old: JsonSchema, new: JsonSchema, path: str) -> list[str]:
    found: list[str] = []
    for key in sorted((old.keys() | new.keys()) - PROSE):
        here = f"{path}/{key}"
        if key in ("properties", "$defs"):
            found += _named_breaks(old.get(key, {}), new.get(key, {}), here)
        elif key == "required":
            found += _required_breaks(set(old.get(key, [])), set(new.get(key, [])), here)
        elif key not in new:
            found.append(f"{here}: is gone")
        elif key not in old:
            found.append(f"{here}: is new and says {new[key]!r}")
        elif key != "default" and isinstance(old[key], list) and isinstance(new[key], list):
            found += _list_breaks(old[key], new[key], here)
        else:
            found += breaks(old[key], new[key], here)
    return found


def _named_breaks(old: JsonSchema, new: JsonSchema, path: str) -> list[str]:
    """Fields or types by name: more of them is fine."""
    found: list[str] = []
    for name, schema in old.items():
        if name not in new:
            found.append(f"{path}/{name}: is gone")
        else:
            found += breaks(schema, new[name], f"{path}/{name}")
    return found


def _required_breaks(old: set[str], new: set[str], path: str) -> list[str]:
    return [f"{path}/{name}: is required now" for name in sorted(new - old)] + [
        f"{path}/{name}: is no longer required, and an old reader needs it" for name in sorted(old - new)
    ]


def _list_breaks(old: list[Any], new: list[Any], path: str) -> list[str]:
    if len(old) != len(new):
        return [f"{path}: was {old!r}, is {new!r}"]
    pairs = enumerate(zip(old, new, strict=True))
    return [found for index, (before, after) in pairs for found in breaks(before, after, f"{path}/{index}")]
