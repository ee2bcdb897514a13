"""What the ranks of a run come to together: when it has started, who has ended it, and how.

A run has started when every rank has. The first rank that fails ends it: the others are stopped, and it is the reason.
One that ends with exit code 0 leaves the others running. There is no outcome while a rank lives, and then one for ever:
it follows from how the ranks ended and from the `Verdict` alone, in whatever order all of that was seen. A run in which
a rank has failed is not over before there is one.

A rank that is lost, or refused, goes before one that failed: the others fail for lack of their peer, and may well be
seen to before it is, while no rank is ever lost because another has failed.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.executor.domain.observation import (
    Cancelled,
    Ended,
    Live,
    Lost,
    Observation,
    Refused,
    Started,
    Waiting,
)
from shared.contracts.base import Contract


class Verdict(Contract):
    """Who began the end of a run of several ranks, decided once and stored before any rank is stopped for it.

    So what a rank does once its peers were told to stop (it breaks, as they leave it) is never taken for the reason.
    """

    id: str
    """The run's."""
    version: int = 1
    rank: int | None
    """The one that failed; none: the platform asked for the end."""


@dataclass(frozen=True)
class Joined:
    """What the run is, and the rank that decided on it, if one did."""

    seen: Observation
    rank: int | None = None


def joined(ranks: Sequence[Observation], verdict: Verdict | None = None) -> Joined:
    """The run of these ranks, which are in their order."""
    if len(ranks) == 1:
        return Joined(ranks[0])
    first = failed_first(ranks)
    undecided = verdict is None and first is not None and isinstance(ranks[first], Ended)
    if undecided or any(isinstance(rank, Live) for rank in ranks):
        return Joined(_living(ranks))
    return _outcome(ranks, first, verdict)


def failed_first(ranks: Sequence[Observation]) -> int | None:
    """Of these ranks the first that failed, as far as can be seen; none has: none."""
    for kind in (Lost, Refused):
        if found := [number for number, rank in enumerate(ranks) if isinstance(rank, kind)]:
            return min(found, key=lambda number: (*_passes(ranks[number]), number))
    failed = [(rank.ended_ns, number) for number, rank in enumerate(ranks) if isinstance(rank, Ended) and _fails(rank)]
    return min(failed)[1] if failed else None


def is_broken(ranks: Sequence[Observation]) -> bool:
    """Whether the run goes to its end: a rank has failed, or will never start."""
    return failed_first(ranks) is not None or any(isinstance(rank, Cancelled) or _was_stopped(rank) for rank in ranks)


def _living(ranks: Sequence[Observation]) -> Observation:
    """Started, once every rank was, whatever has become of it since."""
    if not all(isinstance(rank, Started | Ended | Lost) for rank in ranks):
        return Waiting()
    first = ranks[0]
    started_ns = max(rank.started_ns for rank in ranks if isinstance(rank, Started | Ended))
    return Started(started_ns, first.pid if isinstance(first, Started) else None)


def _outcome(ranks: Sequence[Observation], first: int | None, verdict: Verdict | None) -> Joined:
    if first is not None and isinstance(ranks[first], Lost | Refused):
        return Joined(ranks[first], first)
    stopped = any(isinstance(rank, Cancelled) or _was_stopped(rank) for rank in ranks)
    asked = verdict is None or verdict.rank is None
    if first is not None and not (asked and stopped):
        decided = first if verdict is None or verdict.rank is None else verdict.rank
        return Joined(_ended(ranks, decided, stopped=False), decided)
    ended = [number for number, rank in enumerate(ranks) if isinstance(rank, Ended)]
    if not ended:
        return Joined(Cancelled(max(rank.at_ns for rank in ranks if isinstance(rank, Cancelled))))
    return Joined(_ended(ranks, ended[0], stopped=stopped))


def _ended(ranks: Sequence[Observation], decided: int, *, stopped: bool) -> Ended:
    """All of them, with the exit code of the one that decided."""
    ended = [rank for rank in ranks if isinstance(rank, Ended)]
    how = ranks[decided]
    code, signal = (how.exit_code, how.signal) if isinstance(how, Ended) else (0, None)
    return Ended(
        started_ns=max(rank.started_ns for rank in ended),
        ended_ns=max(rank.ended_ns for rank in ended),
        exit_code=code,
        signal=signal,
        stopped=stopped,
        forced=any(rank.forced for rank in ended),
        output_bytes=sum(rank.output_bytes for rank in ended),
    )


def _fails(rank: Ended) -> bool:
    """By itself: what it exits with after it was told to stop says nothing."""
    return not rank.stopped and rank.exit_code != 0


def _was_stopped(rank: Observation) -> bool:
    return isinstance(rank, Ended) and rank.stopped


def _passes(rank: Observation) -> tuple[bool, bool]:
    """Whether another time might do, and whether another node might: a refusal that neither mends goes first."""
    return isinstance(rank, Refused) and rank.busy, isinstance(rank, Refused) and not rank.own
