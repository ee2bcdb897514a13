"""The committed dashboards, as far as tests look at them: panels with their queries, and the queries of variables."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "deploy" / "grafana" / "dashboards"
NAMES = ("jobyard-job", "jobyard-cluster", "jobyard-services")
_LABEL_VALUES = re.compile(r"label_values\((\w+), (\w+)\)")


@dataclass(frozen=True)
class Panel:
    """One panel, with the queries that it asks."""

    id: int
    title: str
    description: str
    queries: tuple[str, ...]

    def asked(self, job_id: str = "") -> tuple[str, ...]:
        """As Grafana sends them, of this job and of all virtual clusters."""
        chosen = {"$job_id": job_id, "$vc": ".*", "$__rate_interval": "1m"}
        return tuple(_replaced(query, chosen) for query in self.queries)


def dashboard(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text())
    return content


def panels(name: str) -> list[Panel]:
    """All but the headings."""
    return [
        Panel(one["id"], one["title"], one["description"], tuple(target["expr"] for target in one["targets"]))
        for one in dashboard(name)["panels"]
        if one["type"] != "row"
    ]


def variables(name: str) -> list[dict[str, Any]]:
    """What a reader chooses."""
    found: list[dict[str, Any]] = dashboard(name)["templating"].get("list", [])
    return found


def choices(name: str) -> list[tuple[str, str]]:
    """The metric and the label of each variable."""
    found = [_LABEL_VALUES.fullmatch(one["query"]["query"]) for one in variables(name)]
    return [(one[1], one[2]) for one in found if one is not None]


def _replaced(query: str, chosen: dict[str, str]) -> str:
    for name, value in chosen.items():
        query = query.replace(name, value)
    return query
