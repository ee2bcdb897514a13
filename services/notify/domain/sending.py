"""How far a message got, and when to try again: kept in its document and changed by compare-and-set only.

To begin a try is a change too: it moves `due_at` to the end of a lease, so that of several replicas one sends. A sender
that dies leaves a message that is due again when its lease is over; it may then arrive twice, with the same id, and
never not at all.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from shared.contracts.base import Contract, Timestamp
from shared.contracts.notify import Progress

ERROR_CHARACTERS = 500
LONGEST_WAIT_S = 3600.0


@dataclass(frozen=True)
class Rules:
    """Seconds: the first wait between two tries, how long a try may hold its message, and when to give up."""

    first_wait_s: float
    lease_s: float
    give_up_s: float

    def wait_s(self, tries: int) -> float:
        """The wait after so many tries: doubled each time, at most an hour."""
        return float(min(LONGEST_WAIT_S, self.first_wait_s * 2 ** min(tries - 1, 30)))


class Arrival(NamedTuple):
    """What there is to say of a message that left: what did not go well all the same, and the file that it became."""

    note: str | None = None
    file: str | None = None


class Sending(Contract):
    """One message's way. `due_at` is the next try while it waits; it counts as over once it is sent or failed."""

    status: Progress = Progress.WAITING
    since: Timestamp
    tries: int = 0
    due_at: Timestamp | None
    last_error: str | None = None
    ended_at: Timestamp | None = None
    file: str | None = None

    @property
    def over(self) -> bool:
        return self.status is not Progress.WAITING


def begin(now: datetime) -> Sending:
    """A new message, due at once."""
    return Sending(since=now, due_at=now)


def refused(now: datetime, why: str) -> Sending:
    """A message that is not to be sent at all; it is kept to say why."""
    return Sending(status=Progress.FAILED, since=now, due_at=None, ended_at=now, last_error=_cut(why))


def is_due(sending: Sending, now: datetime) -> bool:
    """Whether a try may begin."""
    return sending.due_at is not None and sending.due_at <= now


def is_exhausted(sending: Sending, rules: Rules, now: datetime) -> bool:
    """Whether its time ran out while its senders died: only then does a failure go unrecorded for so long."""
    return sending.tries > 0 and now - sending.since > timedelta(seconds=rules.give_up_s + rules.lease_s)


def tried(sending: Sending, rules: Rules, now: datetime) -> Sending:
    """A try begins: nobody else begins one before the lease is over."""
    return _with(sending, tries=sending.tries + 1, due_at=now + timedelta(seconds=rules.lease_s))


def sent(sending: Sending, now: datetime, arrival: Arrival | None = None) -> Sending:
    """It arrived, or became a file."""
    note, file = arrival or Arrival()
    return _with(sending, status=Progress.SENT, due_at=None, ended_at=now, last_error=_cut(note), file=file)


def missed(sending: Sending, error: str, rules: Rules, now: datetime, *, final: bool = False) -> Sending:
    """A try failed: another one later, or none after `give_up_s` (or if it is `final`: nothing would change)."""
    next_try = now + timedelta(seconds=rules.wait_s(sending.tries))
    if final or next_try - sending.since > timedelta(seconds=rules.give_up_s):
        return _with(sending, status=Progress.FAILED, due_at=None, ended_at=now, last_error=_cut(error))
    return _with(sending, due_at=next_try, last_error=_cut(error))


def shown(sending: Sending) -> dict[str, Any]:
    """The fields of `Outgoing`."""
    return {
        "status": sending.status,
        "tries": sending.tries,
        "last_error": sending.last_error,
        "next_try": sending.due_at,
        "sent_at": sending.ended_at if sending.status is Progress.SENT else None,
        "file": sending.file,
    }


def _with(sending: Sending, **changes: Any) -> Sending:
    return sending.model_copy(update=changes)


def _cut(text: str | None) -> str | None:
    """One line, and not too long: what a server says may be anything."""
    if text is None:
        return None
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    return line if len(line) <= ERROR_CHARACTERS else f"{line[:ERROR_CHARACTERS]}..."
