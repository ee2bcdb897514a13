"""Grafana's dashboards, made from the tables of metrics: `deploy/grafana/dashboards/`."""

from pathlib import Path

from docs.tools.grafana import cluster, job, services

FOLDER = Path("deploy/grafana/dashboards")


def dashboards() -> dict[Path, str]:
    """Each dashboard as a file, by its path in the repository."""
    return {FOLDER / f"{module.UID}.json": module.document() for module in (job, cluster, services)}
