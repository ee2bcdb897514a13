"""Settings of the metrics service, from the environment (`JOBYARD_METRICS_...`)."""

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from shared.wrong_settings import Settings


class MetricsSettings(Settings):
    """How much of the jobs' last hour stays in memory."""

    model_config = SettingsConfigDict(env_prefix="JOBYARD_METRICS_", env_ignore_empty=True, extra="ignore", frozen=True)

    memory_mib: int = Field(
        128, ge=1, description="The last hour of jobs in memory; those that nobody asks for go first."
    )
