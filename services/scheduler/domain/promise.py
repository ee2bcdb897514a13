"""Room that is kept for a job until others have left it, and the reason by which those know for whom they leave.

The promise is kept in memory; a scheduler that starts anew reads it from the reasons of those who are leaving
(`served_by`), which the jobs service stores.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from services.scheduler.domain.cause import named
from services.scheduler.domain.shape import shape_of
from services.scheduler.domain.sites import Places
from shared.contracts.events import Facts
from shared.contracts.job import FOREIGN, NODE, PLACES, SERVED, JobStatus, JobView, Reason


@dataclass(frozen=True)
class Promise:
    """Room that a waiting job gets when those who are leaving have left. `revision`: as of when."""

    places: Places
    revision: int


def room_for(winner: JobView, loser: JobView, where: Sequence[str], places: Places) -> Reason:
    """Why the loser has to go. Of a job of another VC it tells the size, and its id to services only."""
    details: Facts = {SERVED: winner.id, NODE: places[0][0], "nodes": list(where)}
    if winner.nodes > 1:
        details[PLACES] = dict(places)
    on = on_nodes(where)
    if winner.vc != loser.vc:
        message = f"A job of another VC ({shape_of(winner).whole}) of higher priority needs its place {on}."
        return Reason(code="higher_priority", message=message, details={**details, FOREIGN: True})
    return Reason(
        code="higher_priority",
        message=f"Job {winner.name} ({winner.id}) of priority {winner.state.priority} needs its place {on}; "
        f"its own priority is {loser.state.priority}.",
        details={**details, "priority": winner.state.priority},
    )


def served_by(view: JobView) -> tuple[str, Places] | None:
    """The job for which this one is being stopped, and the places that it is to have."""
    reason = view.state.reason
    if view.state.status is not JobStatus.PAUSING or view.state.then is not JobStatus.QUEUED or reason is None:
        return None
    served, node, places = (reason.details.get(name) for name in (SERVED, NODE, PLACES))
    if not isinstance(served, str) or not isinstance(node, str):
        return None
    if not isinstance(places, dict):
        return served, ((node, 1),)
    return served, tuple((name, ranks) for name, ranks in places.items() if isinstance(ranks, int))


def on_nodes(names: Sequence[str]) -> str:
    """For people: `on node a`, `on nodes a, b, ...`."""
    return f"on node {named(names)}" if len(names) == 1 else f"on nodes {named(names)}"
