"""How a list is read: the walks over indexes that hold its jobs, and whether they hold nothing else.

A walk is a filter that an index serves in one order, so that a page costs the same wherever it lies. What no index
serves is left to `filter.matches`, over as many jobs as `pages` allows.
"""

from dataclasses import dataclass
from datetime import datetime

from services.jobs.domain.cursor import Place
from services.jobs.domain.filter import statuses_in_order
from services.jobs.orders import HAVE_FAILED, OPEN, QUEUE, Order, failed_between, order_of
from shared.contracts.base import rfc3339
from shared.contracts.commands.lists import NEWEST_FIRST, Column, ListJobs
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.job import HOLDING, TERMINAL, JobStatus
from shared.store.port import Between, Condition, Eq, NotIn

Walk = tuple[Condition, ...]

NOT_OVER = tuple(status for status in JobStatus if status not in TERMINAL)
CLUSTERS = 20
"""With more virtual clusters a walk for each takes longer than to look at every job's."""

_AFTER_EVERY_NAME = "\x7f"


@dataclass(frozen=True)
class Walks:
    """Walks in one order. Together they hold every job of the list; `exact`: and no other."""

    walks: tuple[Walk, ...]
    order: Order
    exact: bool = False


@dataclass(frozen=True)
class Plan:
    """`served`: walks in the order that was asked for. `whole`: ways to all of its jobs, in any order, of which the
    shortest is read where the list is not served exactly.
    """

    served: Walks
    whole: tuple[Walks, ...]

    @property
    def order(self) -> Order:
        return self.served.order

    @property
    def counted(self) -> Walks | None:
        """The walks whose jobs are the list's, each once, so that counting them counts it."""
        return next((walks for walks in (*self.whole, self.served) if walks.exact), None)


def plan(ask: ListJobs) -> Plan:
    """Raises Invalid for a list of everybody's jobs that are over."""
    return _of_everybody(ask) if ask.owner is None else _of_one(ask, ask.owner)


def order_for(ask: ListJobs) -> Order:
    """The order that was asked for. What is the same for every job of the list leaves the id to decide."""
    alike = Column.FINISHED if ask.owner is None else Column.USER
    column = ask.sort.removeprefix("-")
    return order_of(ask.sort.replace(column, Column.ID) if column == alike else ask.sort, ask.owner is None)


def turned(ask: ListJobs) -> ListJobs:
    """The same list from its end to its beginning: a list in either direction is served by the same indexes."""
    down = ask.sort.startswith("-")
    return ask.model_copy(update={"sort": ask.sort.removeprefix("-") if down else f"-{ask.sort}"})


def begin(walk: Walk, order: Order, after: Place | None) -> tuple[Order, Place | None] | None:
    """The order within a walk, and where in it the list goes on behind a place; None if the walk lies before that.

    A walk that fixes the order's first key has only one value of it: the database would look for others in vain.
    """
    fixed = [test.value for test in walk if isinstance(test, Eq) and test.path == order[0].removeprefix("-")]
    if not fixed:
        return order, after
    if after is None or fixed[0] == after[0]:
        return order[1:], after and after[1:]
    return (order[1:], None) if (fixed[0] < after[0]) == order[0].startswith("-") else None


def rest_of(walk: Walk, order: Order) -> Walk:
    """The walk without the bound that it begins at: the place behind which it goes on lies within it."""
    path, down = order[0].removeprefix("-"), order[0].startswith("-")
    return tuple(
        Between(path, test.low if down else None, None if down else test.high)
        if isinstance(test, Between) and test.path == path
        else test
        for test in walk
    )


def _of_one(ask: ListJobs, owner: str) -> Plan:
    column = ask.sort.removeprefix("-")
    own: Walk = (Eq("owner", owner),)
    by_status = tuple((*own, Eq("state.status", status.value)) for status in statuses_in_order(ask.statuses))
    submitted, named, finished = _submitted(ask), _named(ask), _finished(ask)
    failures = ((*own, *failed_between(ask.finished_after, ask.finished_before)),) if _is_of_failures(ask) else ()
    filters = _filters(ask) - {"owner"}
    walks, left = _narrowed((own,), ask, filters)
    if by_status and column in (Column.SUBMITTED, Column.STATUS):
        walks, left = tuple((*status, *walks[0][1:]) for status in by_status), left - {"statuses"}
    if failures and column == Column.FINISHED:
        walks, left = failures, left - {"statuses"}
    newest = order_of(NEWEST_FIRST)
    whole = [Walks((own,), newest, exact=not filters)]
    if by_status:
        whole.append(Walks(by_status, newest, exact=filters == {"statuses"}))
    if submitted:
        whole.append(Walks(((*own, *submitted),), newest))
    if named:
        whole.append(Walks(((*own, *named),), order_of(Column.NAME)))
    if finished:
        whole.append(Walks(((*own, *finished),), order_of(Column.FINISHED), exact=filters <= _FINISHED))
    if failures:
        whole.append(Walks(failures, order_of(Column.FINISHED), exact=filters <= {"statuses", *_FINISHED}))
    return Plan(Walks(walks, order_for(ask), exact=not left), tuple(whole))


def _is_of_failures(ask: ListJobs) -> bool:
    """Whether it asks for all that has failed, and for nothing else: there is an index over just that."""
    return set(ask.statuses) == set(HAVE_FAILED)


def _of_everybody(ask: ListJobs) -> Plan:
    if _finished(ask):
        field = "finished_after" if ask.finished_after is not None else "finished_before"
        message = "everybody's jobs are listed until they are over; list those of one owner"
        raise Invalid(f"{field}: {message}.", (FieldError(field=field, message=message),))
    statuses = statuses_in_order(ask.statuses or NOT_OVER)
    over = [status for status in statuses if status in TERMINAL]
    if over:
        message = f"everybody's jobs are listed until they are over, and {over[0]} ones are; list those of one owner"
        raise Invalid(f"statuses: {message}.", (FieldError(field="statuses", message=message),))
    by_queue: tuple[Walk, ...] = tuple((OPEN, Eq("state.status", status.value)) for status in statuses)
    others = _filters(ask) - {"statuses"}
    left = others
    if ask.vcs is not None and len(ask.vcs) <= CLUSTERS:
        by_queue = tuple((Eq("request.vc", vc), *status) for vc in dict.fromkeys(ask.vcs) for status in by_queue)
        left = others - {"vcs"}
    whole = (Walks(by_queue, QUEUE, exact=not left),)
    order = order_for(ask)
    if ask.sort.removeprefix("-") in (Column.PRIORITY, Column.STATUS):
        return Plan(Walks(by_queue, order, exact=not left), whole)
    walk, left = _in_statuses(statuses, others)
    walks, left = _narrowed((walk,), ask, left)
    return Plan(Walks(walks, order, exact=not left), whole)


def _in_statuses(statuses: tuple[JobStatus, ...], left: set[str]) -> tuple[Walk, set[str]]:
    """Everybody's open jobs. Those in other statuses are passed by on the way if the devices bound their number."""
    others = [status for status in NOT_OVER if status not in statuses]
    if not others:
        return (OPEN,), left
    if HOLDING.issuperset(others):
        return (OPEN, NotIn("state.status", tuple(status.value for status in others))), left
    return (OPEN,), left | {"statuses"}


def _narrowed(walks: tuple[Walk, ...], ask: ListJobs, left: set[str]) -> tuple[tuple[Walk, ...], set[str]]:
    """Walks that begin and end with the conditions on the column they are in the order of, and what is left of them."""
    match ask.sort.removeprefix("-"):
        case Column.SUBMITTED:
            return tuple((*walk, *_submitted(ask)) for walk in walks), left - {"submitted_after", "submitted_before"}
        case Column.NAME:
            return tuple((*walk, *_named(ask)) for walk in walks), left - {"q"}
        case Column.FINISHED:
            return tuple((*walk, *_finished(ask)) for walk in walks), left - _FINISHED
        case Column.DEVICES | Column.PREEMPTIBLE:
            chosen = (False, True) if ask.preemptible is None else (ask.preemptible,)
            return tuple((*walk, Eq("request.preemptible", one)) for walk in walks for one in chosen), left - {
                "preemptible"
            }
    return walks, left


def _submitted(ask: ListJobs) -> Walk:
    return _between("submitted_at", ask.submitted_after, ask.submitted_before)


def _finished(ask: ListJobs) -> Walk:
    return _between("state.finished_at", ask.finished_after, ask.finished_before)


def _between(path: str, low: datetime | None, high: datetime | None) -> Walk:
    if low is None and high is None:
        return ()
    return (Between(path, rfc3339(low) if low else None, rfc3339(high) if high else None),)


def _named(ask: ListJobs) -> Walk:
    return () if ask.q is None else (Between("request.name", ask.q, ask.q + _AFTER_EVERY_NAME),)


def _filters(ask: ListJobs) -> set[str]:
    """The conditions that are set."""
    return {name for name in _CONDITIONS if getattr(ask, name) != getattr(_ANY, name)}


_FINISHED = {"finished_after", "finished_before"}
_ANY = ListJobs()
_CONDITIONS = frozenset(ListJobs.model_fields) - {"sort", "limit", "cursor", "with_total"}
