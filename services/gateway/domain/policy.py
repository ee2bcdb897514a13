"""What a virtual cluster (VC) allows its members; a VC without a document of its own has the defaults."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VcPolicy:
    """`open`: members read one another's jobs. The others bound what a member's job may ask for; None: no bound."""

    open: bool = True
    max_priority: int | None = None
    max_duration_s: int | None = None
    jobs_per_user: int | None = None
    endpoint_idle_s: int | None = None
