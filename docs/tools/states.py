"""`docs/job-states.md`: the job's life as a diagram and as tables, drawn from the transition table itself."""

from services.jobs.domain.machine import IGNORED, REPEATED, ROWS, SIGNALS, TABLE
from shared.contracts.job import TERMINAL, JobStatus

INTRODUCTION = """# The job's life

Written by `make docs` from the table in `services/jobs/domain/machine.py`; do not edit. The table is the one place
that says what may happen to a job, and only the jobs service reads it.
"""

PAIRS = """## Every pair

A status: where the signal leads. `=`: it is already so; the job answers as it is. `-`: late news, ignored. Empty: it
makes no sense; a command is refused with 409, anything else raises InvalidTransition.
"""


def document() -> str:
    """The page, in Markdown with a Mermaid diagram."""
    parts = (
        INTRODUCTION,
        _diagram(),
        "## Transitions\n\nA job begins as `queued` with Submit (JobSubmitted).\n",
        _transitions(),
        PAIRS,
        _pairs(),
    )
    return "\n".join(parts)


def _diagram() -> str:
    arrows: dict[tuple[JobStatus, JobStatus], list[str]] = {}
    for row in ROWS:
        for source in row.sources:
            for arrow in row.arrows:
                if arrow.target is not source:
                    labels = arrows.setdefault((source, arrow.target), [])
                    labels += [signal.__name__ for signal in row.signals if signal.__name__ not in labels]
    lines = ["```mermaid", "stateDiagram-v2", "    direction LR", "    [*] --> queued: Submit"]
    lines += [f"    {source} --> {target}: {', '.join(labels)}" for (source, target), labels in arrows.items()]
    lines += [f"    {status} --> [*]" for status in JobStatus if status in TERMINAL]
    return "\n".join([*lines, "```\n"])


def _transitions() -> str:
    lines = ["| from | signal | case | to | event |", "|---|---|---|---|---|"]
    for row in ROWS:
        for arrow in row.arrows:
            sources = ", ".join(row.sources)
            signals = ", ".join(signal.__name__ for signal in row.signals)
            lines.append(f"| {sources} | {signals} | {arrow.when} | {arrow.target} | {arrow.event.__name__} |")
    return "\n".join(lines) + "\n"


def _pairs() -> str:
    lines = ["| | " + " | ".join(JobStatus) + " |", "|---|" + "---|" * len(JobStatus)]
    for signal in SIGNALS:
        cells = []
        for status in JobStatus:
            pair = (status, signal)
            if pair in TABLE:
                cells.append(", ".join(dict.fromkeys(arrow.target for arrow in TABLE[pair].arrows)))
            else:
                cells.append("-" if pair in IGNORED else "=" if pair in REPEATED else "")
        lines.append(f"| {signal.__name__} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"
