"""A reason without a job: what all jobs of one shape are told, with the figures behind it."""

from collections.abc import Sequence
from typing import NamedTuple

from services.scheduler.domain.figures import Figures
from services.scheduler.domain.room import Room, need
from services.scheduler.domain.shape import Shape
from shared.contracts.events import Facts

NODES_NAMED = 5


class Cause(NamedTuple):
    """Its code, sentence and figures."""

    code: str
    message: str
    details: Facts
    may_change: bool = True
    """Whether waiting helps, so that the place in line is worth saying."""
    advice: str = ""
    """What to do with a job that was submitted already."""

    @property
    def sentence(self) -> str:
        return f"{self.message} {self.advice}" if self.advice else self.message


def details_of(shape: Shape, seen: Figures) -> Facts:
    """What it asks for, and what of that is free, held and coming back."""
    sums = seen.sums
    return {
        "needs": needs(shape),
        "free": amounts(sums.free),
        "free_on_one_node": amounts(sums.largest),
        "held": amounts(sums.total.minus(sums.free).minus(Room(sums.resting, 0, 0))),
        "held_by": sums.holders,
        "releasing": amounts(sums.leaving),
    }


def needs(shape: Shape) -> Facts:
    """One rank, and of how many there are several."""
    ranks: Facts = {"nodes": shape.nodes} if shape.gang else {}
    return {"device_type": shape.device_type, **amounts(need(shape)), **ranks}


def amounts(room: Room) -> Facts:
    return {"devices": room.devices, "cpus": room.milli_cpus / 1000, "memory_mib": room.memory_mib}


def supply(seen: Figures, spread: str = "") -> str:
    """How the devices stand, for people: `2 are free, 6 are held by 2 jobs`."""
    sums = seen.sums
    held = sums.total.devices - sums.free.devices - sums.resting
    coming = f", of which {_are(sums.leaving.devices)} being released" if sums.leaving.devices else ""
    resting = f", {_are(sums.resting)} left alone for a time after a refused start" if sums.resting else ""
    return f"{_are(sums.free.devices)} free{spread}, {_are(held)} held by {_jobs(sums.holders)}{coming}{resting}"


def named(names: Sequence[str]) -> str:
    """The first of them, for people."""
    return ", ".join(names[:NODES_NAMED]) + (", ..." if len(names) > NODES_NAMED else "")


def _are(count: int) -> str:
    return f"{count} is" if count == 1 else f"{count} are"


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
