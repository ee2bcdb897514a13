"""One job: its eight families from the table that exports them, and what it reports itself."""

from typing import get_args

from docs.tools.grafana.panels import UNITS, Query, board, choice, graph, number, row, written
from shared.contracts.families import DROPPED, EXPORTED, REPORTED, Exported
from shared.contracts.metrics import Metric

UID = "jobyard-job"
ONE = '{job_id="$job_id"}'
_OF = " rank {{rank}}"
TITLES: dict[Metric, tuple[str, str]] = {
    "cpu": ("CPU", "Cores in use, ended children included."),
    "memory": ("Memory", "Without inactive file pages; the sum of PSS where no group could be made for the run."),
    "network": ("Network", "Of the run; with scope `host` of the whole machine, where a run's own cannot be counted."),
    "block_io": ("Block I/O", "Bytes from and to block devices; what only touches the page cache does not count."),
    "gpu_utilization": ("GPU use", "Of each GPU that the job holds. Simulated devices have no figures."),
    "gpu_memory": ("GPU memory", "In use on each GPU that the job holds."),
    "npu_utilization": ("NPU use", "Of each NPU that the job holds. Simulated devices have no figures."),
    "npu_memory": ("NPU memory", "In use on each NPU that the job holds."),
}


def document() -> str:
    """The dashboard."""
    built = board(UID, "Jobyard: one job", "What one job uses and reports, by its id.", "now-1h")
    built.with_variable(choice("job_id", "Job", EXPORTED[0].name, "job_id", several=False))
    built.with_row(row("What it uses"))
    for family in get_args(Metric):
        exported = [one for one in EXPORTED if one.family == family]
        title, says = TITLES[family]
        most = 1.0 if exported[0].unit == "ratio" else None
        built.with_panel(graph(title, says, UNITS[exported[0].unit], *map(_query, exported), most=most))
    built.with_row(row("What it reports"))
    values = Query(f"{REPORTED}{ONE}", f"{{{{name}}}}{_OF}")
    says = "By jobyard.report(), or by lines in JOBYARD_METRICS_FILE."
    built.with_panel(graph("Reported values", says, "short", values, width=18, least=None))
    dropped = Query(f"sum({DROPPED}{ONE})", "dropped")
    built.with_panel(
        number("Dropped", "Values under too many names, unreadable, or faster than they are read.", "short", dropped)
    )
    return written(built)


def _query(exported: Exported) -> Query:
    """A counter is shown as its rate, a gauge as it is; ranks and devices apart."""
    apart = ("rank", *exported.also)
    value = f"rate({exported.name}{ONE}[$__rate_interval])" if exported.counter else f"{exported.name}{ONE}"
    direction = exported.shown.get("direction", "")
    legend = " ".join([direction, *(f"{label} {{{{{label}}}}}" for label in apart)]).strip()
    return Query(f"sum by ({', '.join(apart)}) ({value})", legend)
