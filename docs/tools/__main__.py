"""`python -m docs.tools` writes every generated file; `--check` only says which of them are old, and exits 1."""

import argparse
import sys
from pathlib import Path

from docs.tools import (
    accounts,
    asyncapi,
    chart,
    endpoint_states,
    families,
    grafana,
    instruments,
    messages,
    models,
    rights,
    settings,
    snapshots,
    states,
)
from services.gateway.application import routed
from services.gateway.openapi import document as openapi

ROOT = Path(__file__).resolve().parents[2]
METRICS = Path("docs/metrics.md")


def generated() -> dict[Path, str]:
    """The content of every generated file, by its path in the repository."""
    described = openapi(routed()).decode()
    return {
        Path("docs/job-states.md"): states.document(),
        Path("docs/endpoint-states.md"): endpoint_states.document(),
        Path("docs/rights.md"): rights.document(),
        Path("deploy/nats/accounts.conf"): accounts.document(),
        Path("deploy/helm/jobyard/files/rights.yaml"): chart.document(),
        METRICS: families.document((ROOT / METRICS).read_text()),
        Path("docs/messages.md"): messages.document(),
        Path("docs/platform-metrics.md"): instruments.document(),
        Path("docs/configuration.md"): settings.document(),
        Path("docs/asyncapi.yaml"): asyncapi.document(),
        Path("docs/openapi.json"): described,
        Path("jobyard/models.py"): models.models(described),
        **grafana.dashboards(),
        **snapshots.snapshots(),
    }


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m docs.tools", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a file is old")
    check = parser.parse_args().check
    try:
        snapshots.refuse_breaks(ROOT)
    except snapshots.NotAdditive as error:
        print(f"A contract changed in a way that v1 does not allow:\n{error}", file=sys.stderr)
        return 1
    files = {ROOT / path: text for path, text in generated().items()}
    old = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    for path in old:
        if not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files[path])
        print(f"{'old' if check else 'written'}: {path.relative_to(ROOT)}")
    if check and old:
        print("Run `make docs` and commit what it writes.", file=sys.stderr)
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main())
