"""What a command is: a request to one owner, which may refuse it."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from shared.contracts.base import Contract

Ask = TypeVar("Ask", bound=Contract)


Answer = TypeVar("Answer", bound=Contract)


@dataclass(frozen=True)
class Command(Generic[Ask, Answer]):
    """A command's subject, what it takes and what it answers."""

    subject: str
    ask: type[Ask]
    answer: type[Answer]
    says: str

    @property
    def owner(self) -> str:
        """The service that answers; also the queue group that its replicas share."""
        return self.subject.split(".")[1]

    def at(self, place: str | int) -> "Command[Ask, Answer]":
        """The same command to the service on this node, or to those that have this log partition."""
        return Command(f"{self.subject}.{place}", self.ask, self.answer, self.says)
