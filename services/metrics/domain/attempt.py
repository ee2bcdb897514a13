"""An attempt that is over, as the event that ended it tells: who held what, how long, and since when work is undone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.contracts.errors import PermanentError
from shared.contracts.events import JobPreempted, RunOver
from shared.contracts.metrics import RunUsage


@dataclass(frozen=True)
class Attempt:
    """One run. Its number names it among those of its job, however often its event is told."""

    job_id: str
    number: int
    vc: str
    owner: str
    device_type: str
    devices: int
    """Over all nodes; 0: none."""
    cpus: float
    """Likewise."""
    started_at: datetime
    ended_at: datetime
    usage: RunUsage
    preempted_since: datetime | None = None
    """Of a preempted one: since when its work is undone."""
    failed_since: datetime | None = None
    """Of one that failed or was lost: the same."""

    @property
    def held(self) -> float:
        """What a day counts: devices, or cpus of a job without devices."""
        return float(self.devices or self.cpus)

    @property
    def device_seconds(self) -> float:
        return self.devices * self.usage.seconds

    @property
    def device_measured_seconds(self) -> float:
        """Never more than was held, whatever was measured."""
        return min(self.usage.device_measured_seconds, self.device_seconds)

    @property
    def device_idle_seconds(self) -> float:
        return min(self.usage.device_idle_seconds, self.device_measured_seconds)


def attempt_of(event: RunOver) -> Attempt | None:
    """The attempt that the event ended; None if it ended none. Raises PermanentError for a time out of the calendar."""
    job, usage = event.job, event.usage
    started_at = job.state.started_at
    if usage is None or started_at is None:
        return None
    try:
        ended_at = started_at + timedelta(seconds=usage.seconds)
    except OverflowError:
        raise PermanentError(
            f"Attempt {job.state.attempt} of job {job.id} is said to have run for {usage.seconds} seconds."
        ) from None
    receipt = event.receipt if isinstance(event, JobPreempted) else None
    return Attempt(
        job_id=job.id,
        number=job.state.attempt,
        vc=job.vc,
        owner=job.owner,
        device_type=job.device_type,
        devices=job.devices * job.nodes,
        cpus=job.cpus * job.nodes,
        started_at=started_at,
        ended_at=ended_at,
        usage=usage.believed(),
        preempted_since=receipt.lost_since if receipt is not None else None,
        failed_since=event.lost_since,
    )
