"""The lines of a job's METRICS in words, and what is missing among them: unknown is said, and never shown as zero."""

from collections.abc import Sequence

from jobyard.cli.times import duration
from jobyard.cli.used import SHORT_S, used
from jobyard.models import Job, JobMetrics, JobSeries, JobUsage
from jobyard.watching import TERMINAL

TITLES = {
    "cpu": "CPU",
    "memory": "Memory",
    "network": "Network",
    "block_io": "Block I/O",
    "gpu_utilization": "GPU use",
    "gpu_memory": "GPU memory",
    "npu_utilization": "NPU use",
    "npu_memory": "NPU memory",
}
EVERY_JOB = ("cpu", "memory", "network", "block_io")
"""What is measured of each job, if it can be."""

DEVICES = ("gpu_utilization", "gpu_memory", "npu_utilization", "npu_memory")
HOST = "host"


def titles(every: Sequence[JobSeries]) -> list[str]:
    """What each series is called: `Network receive (whole machine)`, `GPU 3 use`, `CPU, rank 1`, `loss`."""
    several = len({series.labels.get("rank", "0") for series in every}) > 1
    return [title(series) + (f", rank {series.labels.get('rank', '0')}" if several else "") for series in every]


def title(series: JobSeries) -> str:
    """The same without its rank."""
    if series.kind == "reported":
        return series.name
    named = TITLES.get(series.name, series.name)
    if device := series.labels.get("device"):
        kind, _, what = named.partition(" ")
        named = f"{kind} {device} {what}".rstrip()
    if direction := series.labels.get("direction"):
        named = f"{named} {direction}"
    return f"{named} (whole machine)" if series.labels.get("scope") == HOST else named


def unknown(job: Job, found: JobMetrics) -> list[str]:
    """A line for each thing that one might look for and that was not measured, or is no number."""
    known = {series.name for series in found.series if series.kind == "usage" and series.points}
    return [*(_missing(job, found, known) if known else _nothing(job, found.summary)), *_diverged(found.summary)]


def _nothing(job: Job, summary: JobUsage | None) -> list[str]:
    """Why there is no graph, and what is known all the same."""
    if summary is None or not summary.runs:
        if job.attempt > 1 or job.started_at is not None:
            return ["Nothing was measured in this time."]
        return ["It never ran, so nothing was measured." if job.status in TERMINAL else "It has not run yet."]
    short = summary.seconds < SHORT_S and not summary.live
    why = f"It ran {duration(summary.seconds)}, too short for a graph" if short else "Nothing is known of this time"
    return [f"{why}; in all:", *(f"  {name}: {text}" for name, text in used(summary))]


def _missing(job: Job, found: JobMetrics, known: set[str]) -> list[str]:
    missing = [TITLES[name] for name in EVERY_JOB if name not in known]
    sentences = [f"{', '.join(missing)}: unknown, was not measured."] if missing else []
    if job.devices_total and not known.intersection(DEVICES):
        devices = f"{job.devices_total} {job.device_type}"
        simulated = f"Its {devices} are simulated: they do not exist, and so nothing is known of their use."
        sentences.append(simulated if found.simulated else f"Use of its {devices}: unknown, was not measured.")
    return sentences


def _diverged(summary: JobUsage | None) -> list[str]:
    names = summary.not_finite if summary else []
    return [f"{' '.join(f'{name}=nan' for name in names)}: reported last, and no number."] if names else []
