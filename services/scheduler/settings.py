"""Settings of the scheduler, from the environment (`JOBYARD_SCHEDULER_...`)."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.contracts.cluster import SAMPLED_S
from shared.wrong_settings import Settings


class SchedulerSettings(Settings):
    """How the leader is found, and how much one cycle decides."""

    model_config = SettingsConfigDict(
        env_prefix="JOBYARD_SCHEDULER_", env_ignore_empty=True, extra="ignore", frozen=True
    )

    term_s: float = Field(5.0, gt=0, description="A lease that stands still for so long may be taken by another.")
    beat_s: float = Field(1.0, gt=0, description="The leader renews its lease so often.")
    margin_s: float = Field(1.0, ge=0, description="The leader stops this long before its term ends.")
    reconcile_s: float = Field(30.0, gt=0, description="The snapshot is compared with the jobs service so often.")
    sample_s: float = Field(
        SAMPLED_S, ge=1, le=3600, description="The leader tells how the yard stands so often; kept for 7 days."
    )
    placements_per_cycle: int = Field(200, ge=1, le=1000, description="The most that one plan places.")
    command_bytes: int = Field(196_608, ge=16_384, description="The most that one command, or its answer, may take.")
