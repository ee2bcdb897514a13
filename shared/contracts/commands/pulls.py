"""What runs wait for that have not started: how far their images have come, or what keeps their pods."""

from typing import Annotated

from pydantic import Field

from shared.contracts.base import Contract
from shared.contracts.commands.changes import MANY
from shared.contracts.commands.checkpoints import RunOf
from shared.contracts.commands.command import Command
from shared.contracts.job import Reason


class GetPulls(Contract):
    """Which of these runs wait for an image, or for what their pods need."""

    runs: Annotated[tuple[RunOf, ...], Field(max_length=MANY)]


class PullOf(RunOf):
    reason: Annotated[
        Reason, Field(description="Which image it is, and how much of it is there; or what keeps its pod.")
    ]


class Pulls(Contract):
    items: Annotated[tuple[PullOf, ...], Field(description="Only of runs that are known to wait for something.")]


PULLS = Command("cmd.executor.pulls.v1", GetPulls, Pulls, "What starting runs wait for.")
