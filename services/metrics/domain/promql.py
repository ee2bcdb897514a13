"""The one PromQL expression that asks for all that a job uses, made from the table of the families.

Each part carries the name of its metric in the label METRIC, which `rate` would drop. Where a job ran on two nodes,
two executors export it for a while: their rates are added, of what each says of a gauge the largest counts.

Of memory a point is the largest of its step, of a utilization the mean; in a step without a scrape it is the last one
before. What the job reports is what it said last.
"""

from shared.contracts.families import EXPORTED, REPORTED

METRIC = "metric"
RANK = "rank"
NAME = "name"

WINDOW_S = 60.0
"""In steps as short as that a rate is the one between the last two scrapes, of which so long a time holds two; in
longer ones it is the mean of the whole step. (`rate` over more than the step would show a run's first minute too low.)
"""


def expression(job_id: str, step_s: float) -> str:
    """All families and what the job reports."""
    rate, window_s = ("irate", WINDOW_S) if step_s <= WINDOW_S else ("rate", step_s)
    window, step = f"[{round(window_s * 1000)}ms]", f"{max(round(step_s * 1000), 1)}ms"
    parts = []
    for exported in EXPORTED:
        by, selector = ", ".join((RANK, *exported.also)), _selector(exported.name, job_id)
        if exported.counter:
            vector = f"sum by ({by}) ({rate}({selector}{window}))"
        else:
            over = "avg_over_time" if exported.unit == "ratio" else "max_over_time"
            vector = f"max by ({by}) ({over}({selector}[{step}]) or {selector})"
        parts.append(_named(exported.name, vector))
    parts.append(_named(REPORTED, f"max by ({RANK}, {NAME}) ({_selector(REPORTED, job_id)})"))
    return " or ".join(parts)


def further(metric: str) -> str | None:
    """The label that the metric has beside the job's; none: it has no other."""
    if metric == REPORTED:
        return NAME
    return next((label for exported in EXPORTED if exported.name == metric for label in exported.also), None)


def quoted(text: str) -> str:
    """A string of PromQL, whatever is in it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def _selector(metric: str, job_id: str) -> str:
    return f"{metric}{{job_id={quoted(job_id)}}}"


def _named(metric: str, vector: str) -> str:
    return f'label_replace({vector}, "{METRIC}", "{metric}", "", "")'
