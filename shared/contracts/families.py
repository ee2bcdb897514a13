"""The eight families of a job's METRICS: what each is called for Prometheus, and what its series are in a graph.

One table for the executor that exports them, the metrics service that asks for them, the dashboards and the docs.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from shared.contracts.metrics import Metric

JOB_LABELS = ("job_id", "vc", "owner", "rank")
"""On every series of a job; accelerators have `device` beside them, network `scope`, what a job reports `name`."""


@dataclass(frozen=True)
class Exported:
    """One metric of a job as Prometheus knows it. A graph shows a counter's rate, and of each step the
    largest memory and the mean utilization.
    """

    family: Metric
    name: str
    """With its base unit; a counter's ends with `_total`."""
    help: str
    unit: Literal["cores", "bytes", "bytes_per_second", "ratio"]
    """Of the series in a graph."""
    also: tuple[str, ...] = ()
    """Labels beside JOB_LABELS."""
    shown: Mapping[str, str] = field(default_factory=dict)
    """Labels that the series has in a graph alone: `direction`."""

    @property
    def counter(self) -> bool:
        return self.name.endswith("_total")


EXPORTED: tuple[Exported, ...] = (
    Exported("cpu", "jobyard_job_cpu_seconds_total", "Processor time that the job has used.", "cores"),
    Exported("memory", "jobyard_job_memory_working_set_bytes", "Memory less inactive file pages.", "bytes"),
    Exported(
        "network",
        "jobyard_job_network_receive_bytes_total",
        "Bytes received; scope `host`: by the whole machine.",
        "bytes_per_second",
        ("scope",),
        {"direction": "receive"},
    ),
    Exported(
        "network",
        "jobyard_job_network_transmit_bytes_total",
        "Bytes sent; scope `host`: by the whole machine.",
        "bytes_per_second",
        ("scope",),
        {"direction": "transmit"},
    ),
    Exported(
        "block_io",
        "jobyard_job_block_read_bytes_total",
        "Bytes that came from block devices.",
        "bytes_per_second",
        (),
        {"direction": "read"},
    ),
    Exported(
        "block_io",
        "jobyard_job_block_write_bytes_total",
        "Bytes that went to block devices.",
        "bytes_per_second",
        (),
        {"direction": "write"},
    ),
    Exported("gpu_utilization", "jobyard_job_gpu_utilization_ratio", "Use of the GPU.", "ratio", ("device",)),
    Exported("gpu_memory", "jobyard_job_gpu_memory_used_bytes", "Memory used on the GPU.", "bytes", ("device",)),
    Exported("npu_utilization", "jobyard_job_npu_utilization_ratio", "Use of the NPU.", "ratio", ("device",)),
    Exported("npu_memory", "jobyard_job_npu_memory_used_bytes", "Memory used on the NPU.", "bytes", ("device",)),
)

REPORTED = "jobyard_job_reported"
"""The last value that a job reported under `name`."""

DROPPED = "jobyard_job_reports_dropped_total"
"""Values that a job reported and that were dropped: under too many names, unreadable, or faster than they are read."""
