"""When runs wrote their last checkpoints."""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import Attempt, Contract, JobId, Timestamp
from shared.contracts.commands.changes import MANY
from shared.contracts.commands.command import Command


class RunOf(Contract):
    """An attempt of a job."""

    job_id: JobId
    attempt: Attempt


class GetCheckpoints(Contract):
    """When these runs of one node have written their last checkpoints."""

    runs: Annotated[tuple[RunOf, ...], Field(max_length=MANY)]


class LastCheckpoint(RunOf):
    written_at: Annotated[Timestamp | None, Field(description="None: it has written none.")] = None


class Checkpoints(Contract):
    items: Annotated[tuple[LastCheckpoint, ...], Field(description="Only of runs that the node knows.")]


CHECKPOINTS = Command(
    "cmd.executor.checkpoints.v1", GetCheckpoints, Checkpoints, "When runs on this node wrote their last checkpoints."
)
