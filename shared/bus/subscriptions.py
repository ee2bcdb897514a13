"""What a service listens to. `handlers.py` of each service ends with a SUBSCRIPTIONS tuple of these."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from shared.contracts.commands.command import Command

M = TypeVar("M")
M_co = TypeVar("M_co", covariant=True)

Decode = Callable[[str, bytes], Any]
"""(subject, payload) -> message; raises PermanentError for what can never be read. See `codec`."""


@dataclass(frozen=True)
class Delivery(Generic[M_co]):
    """One message that arrived."""

    subject: str
    message: M_co
    sequence: int
    """Of the stream."""
    delivered: int
    """1 for the first time."""


@dataclass(frozen=True)
class Answers:
    """A command that this service owns: `async handler(self, ask) -> answer`, raising a Refusal to refuse.

    Commands of one subject are handled in turn, or `at_once` of them side by side; replicas share them. With `at_node`
    only the service of the node that the subject ends with answers, with `at_partition` only replicas that have that
    log partition. With `from_node` the subject ends with the node that asks, which its account on NATS may hold it to:
    `handler(self, ask, node)`.
    """

    command: Command[Any, Any]
    handler: Callable[..., Awaitable[Any]]
    at_node: bool = False
    at_partition: bool = False
    from_node: bool = False
    at_once: int = 1
    """More where an answer waits for something else than this process."""


@dataclass(frozen=True)
class Shared:
    """Events through one durable consumer: replicas divide the work, each event is handled at least once.

    `async handler(self, deliveries)` gets lists of up to 64 in order, and each is acknowledged after it returned. A
    list that raised is handled again one by one, so that only the culprit waits (TemporaryError and faults: again
    with a growing delay, up to ten times) or goes to the dead letters (PermanentError).
    """

    durable: str
    stream: str
    subjects: tuple[str, ...]
    decode: Decode
    handler: Callable[[Any, Sequence[Delivery[Any]]], Awaitable[None]]


@dataclass(frozen=True)
class PerNode(Shared):
    """The same, with a durable of its own for each node: `<durable>-<node>`."""


@dataclass(frozen=True)
class Each:
    """Events to every replica, in order, from the moment of subscribing (or from the sequence that `start` says).

    Subscribed before the service's own `start`, delivered after it: what happened meanwhile is not missed. What
    cannot be decoded goes to the dead letters; an exception of the handler ends the process, whose next start
    rebuilds its state.
    """

    stream: str
    subjects: tuple[str, ...]
    decode: Decode
    handler: Callable[[Any, Sequence[Delivery[Any]]], Awaitable[None]]
    start: Callable[[Any], Awaitable[int | None]] | None = None


@dataclass(frozen=True)
class PerPartition(Each):
    """The same, of the log partitions that this replica has; by default all of them."""


Subscription = Answers | Shared | Each


def filtered(subjects: tuple[str, ...]) -> dict[str, Any]:
    """A consumer's filter. A single subject becomes part of the request's own subject, where an account confines it."""
    return {"filter_subject": subjects[0]} if len(subjects) == 1 else {"filter_subjects": list(subjects)}
