"""What the API gives about what people and virtual clusters have used."""

from datetime import date
from typing import Annotated

from pydantic import Field

from services.gateway.domain.usage import SUMS, Line, UsageGroup
from shared.contracts.base import Contract

Hours = Annotated[float, Field(ge=0)]


class UsageLine(Contract):
    """What was used, by what `group` tells apart and by type of device; the names that it does not are null.

    Hours of devices that were held, whatever came of it; of jobs without devices (`cpu`) those of their cores.
    """

    day: Annotated[date | None, Field(description="UTC.")]
    vc: str | None
    owner: str | None
    device_type: str
    runs: Annotated[int, Field(ge=0, description="Attempts that ended.")]
    device_hours: Hours
    idle_hours: Annotated[Hours, Field(description="Of them, with a device use under 5 %. Always 0 of `cpu`.")]
    unknown_hours: Annotated[Hours, Field(description="Of them, where use was not measured.")]
    lost_to_preemption_hours: Annotated[
        Hours, Field(description="Of them, undone by a preemption: since the last checkpoint or the start.")
    ]
    lost_to_failure_hours: Annotated[
        Hours, Field(description="Of them, undone by a failure or a lost run, as far as checkpoints are known.")
    ]
    cpu_hours: Annotated[Hours, Field(description="Core-hours that were really used, as far as they were measured.")]

    @classmethod
    def from_line(cls, line: Line) -> "UsageLine":
        return cls(
            day=line.day, vc=line.vc, owner=line.owner, device_type=line.device_type, runs=line.runs, **line.hours
        )


class UsageSummary(Contract):
    """What was used on the days from `first` to `last` (UTC). Attempts count once they are over."""

    first: date
    last: date
    group: tuple[UsageGroup, ...]
    items: tuple[UsageLine, ...]


COLUMNS = ("device_type", "runs", *SUMS)
"""Of the table, after those that `group` names."""
