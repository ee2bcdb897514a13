"""Which namespaces an executor may hold runs in: those that it has made, and those that operators have named.

Whoever else may make namespaces could be there first, and would be at home where other people's runs and secrets come.
What a namespace says of itself anybody can write. So before one is made a mark that nobody can guess goes to this disk,
and then into the namespace; once that is there its uid is what counts, since marks can be read and copied.
"""

import json
from collections.abc import Collection
from pathlib import Path
from secrets import token_hex

from services.executor.backends.kubernetes.api import Document
from services.executor.domain import pod_names as names
from shared.private_files import write_private


class MadeNamespaces:
    """The files `<folder>/<namespace>`. `named`: by operators. What reads or writes a file raises OSError."""

    def __init__(self, folder: Path, named: Collection[str] = ()) -> None:
        self._folder = folder
        self._named = frozenset(named)

    def begin(self, name: str) -> str:
        """One of this name is to be made now, with this mark."""
        mark = token_hex(16)
        self._keep(name, {"mark": mark})
        return mark

    def holds(self, name: str, meta: Document) -> bool:
        """Whether the one that is there, with this metadata, is one of those."""
        if name in self._named:
            return True
        known = self._known(name)
        if "uid" in known:
            return bool(known["uid"] == meta["uid"])
        if "mark" not in known or (meta.get("annotations") or {}).get(names.MADE) != known["mark"]:
            return False
        self._keep(name, known | {"uid": meta["uid"]})
        return True

    def _known(self, name: str) -> dict[str, str]:
        try:
            known: dict[str, str] = json.loads((self._folder / name).read_text())
        except FileNotFoundError:
            return {}
        return known

    def _keep(self, name: str, facts: dict[str, str]) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_private(self._folder / name, json.dumps(facts))
