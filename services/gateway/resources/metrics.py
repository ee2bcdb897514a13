"""What the API says of what a job uses: its series over time, and its sums."""

from typing import Annotated, Literal

from pydantic import Field

from shared.contracts.base import Contract, Timestamp
from shared.contracts.metrics import JobUsage, Source

Point = tuple[float, ...]


class JobSeries(Contract):
    """One line of a graph. Where nothing was measured there is no point; unknown is never zero."""

    name: Annotated[str, Field(description="cpu, memory, network, block_io, gpu_... or npu_..., or the job's own.")]
    kind: Annotated[Literal["usage", "reported"], Field(description="Whether it was measured, or the job reports it.")]
    unit: Annotated[str, Field(description="cores, bytes, bytes_per_second, ratio; empty for what a job reports.")]
    labels: Annotated[
        dict[str, str],
        Field(description="What tells it from others of its name: rank, direction, device, and scope of the network."),
    ]
    points: Annotated[tuple[Point, ...], Field(description="[seconds since 1970, value], in order.")]


class JobMetrics(Contract):
    """What a job used between two moments, one point each step."""

    series: tuple[JobSeries, ...]
    source: Annotated[Source, Field(description="The platform keeps the last hour itself, Prometheus more.")]
    start: Timestamp
    end: Timestamp
    step: Annotated[float, Field(description="Seconds.")]
    simulated: Annotated[
        bool | None, Field(description="Whether its devices do not really exist and report nothing; null: not known.")
    ]
    summary: Annotated[JobUsage | None, Field(description="What it has used in all its runs, as far as it is known.")]
