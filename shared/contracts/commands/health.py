"""Whether a service can work: the one command that each of them answers."""

from shared.contracts.base import Contract
from shared.contracts.commands.command import Command


class AskHealth(Contract):
    """Nothing to say: any replica answers for itself."""


class Health(Contract):
    service: str
    ready: bool
    message: str = ""


def health_of(service: str) -> Command[AskHealth, Health]:
    """Each service answers this one: whether it has what it needs to work."""
    return Command(f"cmd.{service}.health.v1", AskHealth, Health, "Whether the service can work.")
