"""What a virtual cluster (VC) allows its members and gives their jobs; one without a document has the defaults."""

from dataclasses import dataclass


@dataclass(frozen=True)
class VcPolicy:
    """`open`: members read one another's jobs. The others bound what a member's job may ask for; None: no bound.

    `image`: what jobs start in that name none; None: the default of their node.
    """

    open: bool = True
    max_priority: int | None = None
    max_duration_s: int | None = None
    jobs_per_user: int | None = None
    endpoint_idle_s: int | None = None
    image: str | None = None
