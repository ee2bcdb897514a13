"""The figures of one sample, each under the name that the executor exports it under.

What was not measured is not among them. What a job reported that is no number is infinite, whatever it was.
"""

from collections.abc import Iterator
from math import inf
from typing import NamedTuple

from shared.contracts.families import REPORTED
from shared.contracts.metrics import Accelerator, Sample


class Figure(NamedTuple):
    """Which figure: see `Line`, of which this is all but the rank."""

    metric: str
    also: str


CPU = Figure("jobyard_job_cpu_seconds_total", "")
MEMORY = Figure("jobyard_job_memory_working_set_bytes", "")
READ = Figure("jobyard_job_block_read_bytes_total", "")
WRITE = Figure("jobyard_job_block_write_bytes_total", "")
RECEIVE = "jobyard_job_network_receive_bytes_total"
TRANSMIT = "jobyard_job_network_transmit_bytes_total"


def figures(sample: Sample) -> Iterator[tuple[Figure, float]]:
    """All that are known."""
    for figure, value in (
        (CPU, sample.cpu_seconds),
        (MEMORY, sample.memory_bytes),
        (READ, sample.block_read_bytes),
        (WRITE, sample.block_write_bytes),
    ):
        if value is not None:
            yield figure, float(value)
    if sample.network is not None:
        yield Figure(RECEIVE, sample.network.scope), float(sample.network.receive_bytes)
        yield Figure(TRANSMIT, sample.network.scope), float(sample.network.transmit_bytes)
    for accelerator in sample.accelerators:
        yield from _of_device(accelerator)
    for name, reported in sample.reported.items():
        yield Figure(REPORTED, name), reported
    for name in sample.not_finite:
        yield Figure(REPORTED, name), inf


def _of_device(accelerator: Accelerator) -> Iterator[tuple[Figure, float]]:
    prefix, device = f"jobyard_job_{accelerator.kind}", str(accelerator.device)
    if accelerator.utilization is not None:
        yield Figure(f"{prefix}_utilization_ratio", device), accelerator.utilization
    if accelerator.memory_bytes is not None:
        yield Figure(f"{prefix}_memory_used_bytes", device), float(accelerator.memory_bytes)
