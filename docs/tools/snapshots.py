"""The committed JSON schemas of every contract, in tests/schema/snapshots/: one file for each message."""

import json
from pathlib import Path

from docs.tools.compatibility import breaks
from docs.tools.contracts import contracts, schema_of

FOLDER = Path("tests/schema/snapshots")


class NotAdditive(Exception):
    """A contract changed in a way that v1 does not allow: make a v2 beside it, and keep both until nobody reads v1."""


def snapshots() -> dict[Path, str]:
    """Each contract's schema as a file, by its path in the repository."""
    return {
        FOLDER / f"{name}.json": json.dumps(schema_of(model), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for name, model in sorted(contracts().items())
    }


def refuse_breaks(root: Path) -> None:
    """Raises NotAdditive where the contracts do more than add to the committed schemas.

    A snapshot that was deleted on purpose is no past: the next run writes it anew.
    """
    now = snapshots()
    found = []
    for file in sorted((root / FOLDER).glob("*.json")):
        path = FOLDER / file.name
        if path in now:
            found += [f"{file.stem}{said}" for said in breaks(json.loads(file.read_text()), json.loads(now[path]))]
        else:
            found.append(f"{file.stem}: is gone")
    if found:
        raise NotAdditive("\n".join(found))
