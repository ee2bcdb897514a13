"""`docs/platform-metrics.md`: what the platform tells Prometheus about itself, from the table of its instruments."""

from itertools import groupby

from shared.contracts.instruments import INSTRUMENTS, Instrument

INTRODUCTION = """# What the platform measures of itself

Written by `make docs` from `shared/contracts/instruments.py`; do not edit. Each process serves its own at `/metrics`
of its health port ([operations.md](operations.md#what-to-watch)), beside its processor time, memory, open files and
start (`process_...`). How to scrape it, rules and alerts: [deploy/prometheus](../deploy/prometheus/README.md).

No series has the name of a job or a person. What jobs use is exported by their executor as `jobyard_job_...`.
"""


def document() -> str:
    """The page, in Markdown."""
    sections = [_section(owner, list(found)) for owner, found in groupby(INSTRUMENTS, lambda one: one.owner)]
    return "\n".join([INTRODUCTION, *sections])


def _section(owner: str, instruments: list[Instrument]) -> str:
    rows = [f"| `{one.name}` | {one.kind} | {', '.join(one.labels)} | {one.help} |" for one in instruments]
    return "\n".join([f"## {owner}\n", "| metric | kind | labels | |", "|---|---|---|---|", *rows]) + "\n"
