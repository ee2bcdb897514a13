"""Giving up a run whose node will not come back, on an operator's word."""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import Contract, NodeName
from shared.contracts.commands.checkpoints import RunOf
from shared.contracts.commands.command import Command
from shared.contracts.job import Actor


class ForceRun(RunOf):
    """The node of this run is gone for good, says `actor`: tell that the run is lost, and wait for it no more."""

    actor: Actor


class ForcedRun(Contract):
    nodes: Annotated[tuple[NodeName, ...], Field(description="Those whose ranks were given up.")]


FORCE = Command(
    "cmd.executor.force.v1",
    ForceRun,
    ForcedRun,
    "Give up a run whose node will not come back. Refused while that answers.",
)
