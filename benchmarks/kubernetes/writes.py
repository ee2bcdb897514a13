"""What the executor writes to the API server, as the API server itself counts it: its audit log, of one user."""

import json
from collections import Counter
from pathlib import Path

USER = "jobyard-executor"

POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [
        {"level": "Metadata", "users": [USER], "verbs": ["create", "update", "patch", "delete", "deletecollection"]},
        {"level": "None"},
    ],
}


class Writes:
    """Counted from where the last count has ended."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._offset = 0

    def since(self) -> Counter[str]:
        """By verb and kind: `create pods`. Refused ones count as well."""
        with self._log.open("rb") as log:
            log.seek(self._offset)
            lines = log.readlines()
        whole = [line for line in lines if line.endswith(b"\n")]
        self._offset += sum(map(len, whole))
        return Counter(_what(json.loads(line)) for line in whole)


def _what(entry: dict[str, object]) -> str:
    about = entry.get("objectRef")
    kind = about.get("resource", "?") if isinstance(about, dict) else "?"
    return f"{entry['verb']} {kind}"
