"""`docs/endpoint-states.md`: an endpoint's life as a diagram and a table, drawn from the transition table itself."""

from services.endpoints.domain.machine import ROWS
from shared.contracts.endpoints import EndpointStatus
from shared.contracts.events import ENDPOINT_EVENTS

INTRODUCTION = """# The life of an endpoint

Written by `make docs` from the table in `services/endpoints/domain/machine.py`; do not edit. What is not in the table
is late news, or already so, and changes nothing. Signals of another run than the one that an endpoint leads into are
dropped before it.
"""


def document() -> str:
    """The page, in Markdown with a Mermaid diagram."""
    return f"{INTRODUCTION}\n{_diagram()}\n## Transitions\n\nAn endpoint begins as `requested`.\n\n{_table()}"


def _diagram() -> str:
    arrows: dict[tuple[EndpointStatus, EndpointStatus], list[str]] = {}
    for row in ROWS:
        for source in row.sources:
            if row.target is not None and source is not row.target:
                labels = arrows.setdefault((source, row.target), [])
                labels += [signal.__name__ for signal in row.signals]
    lines = ["```mermaid", "stateDiagram-v2", "    direction LR", "    [*] --> requested: Ask"]
    lines += [f"    {source} --> {target}: {', '.join(labels)}" for (source, target), labels in arrows.items()]
    return "\n".join([*lines, "```\n"])


def _table() -> str:
    lines = ["| from | signal | to | event |", "|---|---|---|---|"]
    for row in ROWS:
        sources = ", ".join(row.sources)
        signals = ", ".join(signal.__name__ for signal in row.signals)
        event = ENDPOINT_EVENTS[row.fact].__name__ if row.fact is not None else ""
        lines.append(f"| {sources} | {signals} | {row.target or 'the same'} | {event} |")
    return "\n".join(lines) + "\n"
