"""How far the images of runs have come that have not started."""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.commands.changes import MANY
from shared.contracts.commands.checkpoints import RunOf
from shared.contracts.commands.command import Command
from shared.contracts.job import Reason


class GetPulls(Contract):
    """Which of these runs wait for an image."""

    runs: Annotated[tuple[RunOf, ...], Field(max_length=MANY)]


class PullOf(RunOf):
    reason: Annotated[Reason, Field(description="Which image it is, and how much of it is there.")]


class Pulls(Contract):
    items: Annotated[tuple[PullOf, ...], Field(description="Only of runs whose image is being pulled.")]


PULLS = Command("cmd.executor.pulls.v1", GetPulls, Pulls, "How far the images of starting runs have come.")
