"""What a job uses: a `Sample` every few seconds while a run lives, its `RunUsage` when it is over, and what the two
become when somebody asks (`Series`, `JobUsage`, `UsageRow`).

Base units everywhere: seconds, bytes, ratios from 0 to 1. What was not measured is absent, never zero.
"""

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import Attempt, Contract, JobId, Timestamp, UserName, VcName
from shared.contracts.endpoints import Rank

SAMPLES_KEPT = 780
"""The ring: the samples of the last hour of each rank, one each 5 s, and each second in a run's first minute."""

REPORTED_NAMES = 100
"""The most names that one job may report values under; the rest is dropped and counted."""

MANY_SUMMARIES = 500
"""The most jobs that one question for summaries may name."""

MAX_POINTS = 11_000
"""The most points that one series of an answer may have, as in Prometheus."""

Metric = Literal[
    "cpu", "memory", "network", "block_io", "gpu_utilization", "gpu_memory", "npu_utilization", "npu_memory"
]
"""The eight families of a job's METRICS."""

Source = Literal["prometheus", "ring"]
"""Where points come from: the Prometheus that JOBYARD_PROMETHEUS_URL names, or the METRICS stream."""

ReportedName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_./-]{0,63}$")]
"""What a job may call a value that it reports."""

MOST = 2**63 - 1
"""The largest whole number: every store, and every language that reads these messages, has room for it."""

MOST_SECONDS = 1e12
"""The longest time: some 30,000 years, or those of all devices of a large cluster together."""

MOST_CORES = 4096
"""The most cores that a node is believed to have: who claims more processor time is not believed."""

MOST_ACCELERATORS = 1024
"""The most devices that one rank may hold."""

Whole = Annotated[int, Field(ge=0, le=MOST)]
Ratio = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=MOST_SECONDS)]
MeanBytes = Annotated[float, Field(ge=0, le=MOST)]


class NetworkTotals(Contract):
    """Bytes since the run's start; `host`: those of the whole machine, where a run's own cannot be counted."""

    receive_bytes: Whole
    transmit_bytes: Whole
    scope: Literal["run", "host"]


class Accelerator(Contract):
    """One real device that the run holds, as its driver told it just now. Simulated devices have none."""

    kind: Literal["gpu", "npu"]
    device: Annotated[Whole, Field(description="Its index on the node.")]
    utilization: Ratio | None = None
    memory_bytes: Whole | None = None


class Sample(Contract):
    """What one rank of a run has used, and uses, at one moment: over its whole process tree, ended children included.

    `..._seconds` and `..._bytes` of cpu, network and block I/O are totals since the run's start and never fall.
    """

    job_id: JobId
    attempt: Attempt
    rank: Rank = 0
    vc: VcName
    owner: UserName
    time: Timestamp
    cpu_seconds: Seconds | None = None
    memory_bytes: Annotated[Whole | None, Field(description="Usage less inactive file pages, else PSS.")] = None
    network: NetworkTotals | None = None
    block_read_bytes: Whole | None = None
    block_write_bytes: Whole | None = None
    accelerators: Annotated[tuple[Accelerator, ...], Field(max_length=MOST_ACCELERATORS)] = ()
    reported: Annotated[
        dict[ReportedName, float],
        Field(max_length=REPORTED_NAMES, description="The last value of each name since the sample before."),
    ] = Field(default_factory=dict)
    not_finite: Annotated[
        tuple[ReportedName, ...],
        Field(
            max_length=REPORTED_NAMES, description="Names whose last value was NaN or infinite, `reported` has none."
        ),
    ] = ()
    dropped: Annotated[Whole, Field(description="Reported values that were dropped since the run's start.")] = 0


class RunUsage(Contract):
    """What one run has used from its start to its end. Additions of two runs' are meaningful; see `JobUsage`."""

    seconds: Annotated[Seconds, Field(description="From start to end.")]
    cpu_seconds: Seconds | None = None
    memory_peak_bytes: Whole | None = None
    memory_mean_bytes: Annotated[MeanBytes | None, Field(description="Over the samples, by time.")] = None
    network: NetworkTotals | None = None
    block_read_bytes: Whole | None = None
    block_write_bytes: Whole | None = None
    device_seconds: Annotated[Seconds, Field(description="Devices held, times seconds.")] = 0.0
    device_measured_seconds: Annotated[Seconds, Field(description="Of these, with a known utilization.")] = 0.0
    device_idle_seconds: Annotated[Seconds, Field(description="Of the measured ones, with a use under 5 %.")] = 0.0
    device_utilization_mean: Ratio | None = None
    device_memory_peak_bytes: Annotated[Whole | None, Field(description="Of one device.")] = None
    reported: Annotated[dict[ReportedName, float], Field(max_length=REPORTED_NAMES)] = Field(default_factory=dict)
    not_finite: Annotated[
        tuple[ReportedName, ...],
        Field(max_length=REPORTED_NAMES, description="Of these names the last value was NaN."),
    ] = ()
    dropped: Whole = 0

    def believed(self) -> "RunUsage":
        """Without processor time that no run of so many seconds can have used."""
        if (self.cpu_seconds or 0.0) <= MOST_CORES * self.seconds:
            return self
        return self.model_copy(update={"cpu_seconds": None})


class JobUsage(Contract):
    """What a job has used over all of its runs; it stays with the job for ever.

    `live`: a run is under way, and what it counts from its start (cpu_seconds, network, block I/O, dropped) and its
    last reported values are in it; its time, memory and devices come when it is over.
    """

    job_id: JobId
    runs: Whole = 0
    seconds: Seconds = 0.0
    cpu_seconds: Seconds | None = None
    cpu_mean: Annotated[float | None, Field(ge=0, description="Cores, over the time it ran.")] = None
    memory_peak_bytes: Whole | None = None
    memory_mean_bytes: Annotated[float | None, Field(ge=0)] = None
    network: NetworkTotals | None = None
    block_read_bytes: Whole | None = None
    block_write_bytes: Whole | None = None
    device_hours: Annotated[float, Field(ge=0)] = 0.0
    device_idle_share: Annotated[Ratio | None, Field(description="Of the measured time; none: not measured.")] = None
    device_measured_share: Ratio | None = None
    device_utilization_mean: Ratio | None = None
    device_memory_peak_bytes: Whole | None = None
    reported: Annotated[dict[ReportedName, float], Field(max_length=REPORTED_NAMES, description="The last values.")] = (
        Field(default_factory=dict)
    )
    not_finite: Annotated[
        tuple[ReportedName, ...],
        Field(max_length=REPORTED_NAMES, description="Names whose last value is NaN or infinite; a diverged loss."),
    ] = ()
    memory_bytes: Annotated[Whole | None, Field(description="At this moment, of a run that lives.")] = None
    dropped: Whole = 0
    live: bool = False
    updated_at: Timestamp | None = None


class Series(Contract):
    """One line of a graph: `values[i]` at `times[i]` (seconds since 1970)."""

    name: Annotated[str, Field(description="One of the eight families, or what the job calls it.")]
    kind: Literal["usage", "reported"] = "usage"
    unit: Annotated[str, Field(description="cores, bytes, bytes_per_second, ratio; empty for what a job reports.")]
    labels: dict[str, str] = Field(default_factory=dict)
    times: tuple[float, ...]
    values: tuple[float, ...]


class QueryMetrics(Contract):
    """A job's METRICS in [start, end], one point each `step_s` seconds; `skip`: series of the pages before."""

    job_id: JobId
    start: Timestamp
    end: Timestamp
    step_s: Annotated[float, Field(gt=0)]
    skip: Whole = 0
    source: Annotated[Source | None, Field(description="Of the pages before; none: whichever has the most.")] = None


class MetricsPage(Contract):
    """The series that fit in a message; `more`: there are others after these."""

    series: tuple[Series, ...]
    source: Source
    more: bool = False


class AskSummaries(Contract):
    job_ids: Annotated[tuple[JobId, ...], Field(max_length=MANY_SUMMARIES)]


class Summaries(Contract):
    """Those that there are; a job that never ran has none."""

    items: tuple[JobUsage, ...]
    left: Annotated[tuple[JobId, ...], Field(description="Jobs that found no room, to be asked for again.")] = ()


class AskUsage(Contract):
    """Who used what on the days from `first` to `last` (UTC), both included."""

    first: date
    last: date
    vcs: Annotated[tuple[VcName, ...] | None, Field(description="Only of these; none: of all.")] = None
    owner: UserName | None = None
    after: Annotated[str | None, Field(description="The last page's `after`.")] = None


class UsageRow(Contract):
    """One day (UTC) of one user in one virtual cluster on one type of device, in device-hours.

    Of jobs without devices (`cpu`) the hours are those of the cores that they held, `idle_hours` is always 0, and
    `cpu_hours` says how much of them was really used. A run counts once it is over, on each day for its part.
    """

    day: date
    vc: VcName
    owner: UserName
    device_type: str
    runs: Annotated[Whole, Field(description="That ended on this day.")] = 0
    device_hours: Annotated[float, Field(ge=0, description="Held, whatever came of it.")] = 0.0
    idle_hours: Annotated[float, Field(ge=0, description="Device use under 5 %.")] = 0.0
    unknown_hours: Annotated[float, Field(ge=0, description="Where use was not measured.")] = 0.0
    lost_to_preemption_hours: Annotated[
        float, Field(ge=0, description="Held by runs that were preempted, since their last checkpoint or their start.")
    ] = 0.0
    lost_to_failure_hours: Annotated[
        float, Field(ge=0, description="The same of runs that failed or were lost, as far as checkpoints are known.")
    ] = 0.0
    cpu_hours: Annotated[float, Field(ge=0, description="Core-hours that were really used.")] = 0.0


class UsagePage(Contract):
    rows: tuple[UsageRow, ...]
    after: str | None = None
