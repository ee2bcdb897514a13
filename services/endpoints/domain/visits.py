"""Which visits are told to the audit, and remembered: a page that is open asks again and again."""

from collections.abc import Container, Sequence
from datetime import datetime, timedelta

from services.endpoints.domain.document import Entry, Fact
from shared.contracts.job import Actor

AGAIN = timedelta(minutes=10)
"""After so long the same visit is told again."""
MOST = 20
"""Addresses from which one person's visits are told in that time: whoever has many does not flood the audit."""
ADDRESS_CHARS = 64
KEPT = 50
"""Visits that an endpoint remembers; they are published long before they are forgotten."""
VISITS: tuple[Fact, ...] = ("entered", "ticket_issued")


def is_news(history: Sequence[Entry], fact: Fact, actor: Actor, key: str | None, now: datetime) -> bool:
    """Whether the same person was not told of from the same address, by the same key or token, a short while ago."""
    lately = [
        entry for entry in history if entry.fact == fact and entry.actor.name == actor.name and entry.time > now - AGAIN
    ]
    return len(lately) < MOST and (actor, key) not in [(entry.actor, entry.key) for entry in lately]


def without_old(history: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """The history without visits that are too many, so that they push out nothing else."""
    visits = [entry.version for entry in history if entry.fact in VISITS]
    forgotten = frozenset(visits[:-KEPT])
    return tuple(entry for entry in history if entry.version not in forgotten) if forgotten else history


def address_of(chain: str, proxies: Container[str]) -> str:
    """Where a visit comes from: the last address of a chain, `client, proxy`, that is none of the trusted proxies."""
    addresses = [address.strip() for address in chain.split(",")]
    while len(addresses) > 1 and addresses[-1] in proxies:
        addresses.pop()
    return addresses[-1][:ADDRESS_CHARS]
