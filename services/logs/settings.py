"""Settings of the log service, from the environment (`JOBYARD_LOGS_...`)."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from services.logs.domain.partitions import Partitions
from shared.wrong_settings import Settings


def _parse(value: Any) -> Any:
    return Partitions.parse(value) if isinstance(value, str) else value


class LogsSettings(Settings):
    """How much of the consoles stays in memory, and how often they go to disk."""

    model_config = SettingsConfigDict(env_prefix="JOBYARD_LOGS_", env_ignore_empty=True, extra="ignore", frozen=True)

    folder: Path | None = Field(
        None, description="Where consoles are kept; none: `<data>/logs`. Each replica needs one of its own."
    )
    partitions: Annotated[Partitions, NoDecode, BeforeValidator(_parse)] = Field(
        Partitions(),
        description="`1/2`: the second of two replicas that divide the consoles; `0/1`: it has all of them.",
    )
    memory_mib: int = Field(128, ge=1, description="Consoles in memory; beyond it the least used wait on disk.")
    idle_s: float = Field(300.0, gt=0, description="A console that nothing touched for so long leaves the memory.")
    save_every_s: float = Field(10.0, gt=0, description="Changed consoles go to disk so often.")
    catch_up_s: float = Field(2.0, gt=0, description="The longest that a tail waits for lines on their way.")
