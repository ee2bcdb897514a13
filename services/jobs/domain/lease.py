"""Who leads the scheduling: a lease that its holder keeps beating, and that a contender may take when it stands still.

The epoch is the lease's version and rises with every new holder; it fences what a former leader still sends. Nobody
compares clocks: a contender shows the lease as it saw it stand still for a whole term by its own monotonic clock.
"""

from dataclasses import dataclass

from shared.contracts.base import Contract, Version
from shared.contracts.commands.scheduling import Lead, Lease

SCHEDULER = "scheduler"


class LeaseDocument(Contract):
    """The lease as it is stored; its beat is the mark beside it."""

    id: str
    version: Version
    holder: str


@dataclass(frozen=True)
class Renew:
    """The holder lives: raise the beat."""

    beat: int


@dataclass(frozen=True)
class Take:
    """A new holder: store this over `expected` (0: there was none)."""

    document: LeaseDocument
    expected: int


def lease_of(document: LeaseDocument, beat: int) -> Lease:
    return Lease(holder=document.holder, epoch=document.version, beat=beat)


def lead(lease: Lease | None, ask: Lead) -> Renew | Take | None:
    """What the contender's request does to the lease; None: nothing, somebody else leads."""
    if lease is None:
        return Take(LeaseDocument(id=SCHEDULER, version=1, holder=ask.contender), 0)
    if lease.holder == ask.contender:
        return Renew(lease.beat + 1)
    if ask.seen == lease:
        return Take(LeaseDocument(id=SCHEDULER, version=lease.epoch + 1, holder=ask.contender), lease.epoch)
    return None
