"""What stands in the way of a shape, found from the figures of the yard."""

from collections.abc import Iterable, Set
from typing import NamedTuple

from services.scheduler.domain.figures import Figures, Look, largest
from services.scheduler.domain.room import Room, need
from services.scheduler.domain.shape import Shape, cpus_text
from shared.contracts.events import Facts
from shared.contracts.job import CPU

NODES_NAMED = 5


class Cause(NamedTuple):
    """A reason without a job: its code, sentence and figures."""

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


def cause_of(shape: Shape, seen: Figures, device_types: Set[str]) -> Cause:
    """Why no job of this shape starts now, the most lasting obstacle first."""
    if not seen.groups:
        return _no_nodes(shape)
    if shape.device_type != CPU and shape.device_type not in device_types:
        return _no_such_device(shape, device_types)
    capable = seen.capable(shape)
    if not capable:
        return _no_node_fits(shape, seen)
    able = {look: names for look, names in capable.items() if not look.silent}
    if not able:
        return _all_silent(shape, sorted(name for names in capable.values() for name in names))
    details = _details(shape, seen)
    if any(look.free.fits(shape) for look in able if not look.closed):
        return Cause(
            "waiting_for_turn",
            f"There is room for its {shape}; it starts in a moment, unless the room is kept for a job ahead of it.",
            details,
        )
    if resting := sorted(name for look, names in able.items() if _refused(look, shape) for name in names):
        return _busy(shape, resting, details)
    return _short(shape, list(able), seen, details)


def _short(shape: Shape, able: list[Look], seen: Figures, details: Facts) -> Cause:
    """The first amount of which no node has enough: devices, then cpus where there are devices, then memory."""
    best = largest(look.free for look in able)
    with_devices = [look for look in able if look.free.devices >= shape.devices]
    if not with_devices:
        sums = seen.sums
        held = sums.total.devices - sums.free.devices - sums.resting
        spread = f", at most {best.devices} of them on one node" if sums.free.devices >= shape.devices else ""
        coming = f", of which {_are(sums.leaving.devices)} being released" if sums.leaving.devices else ""
        resting = f", {_are(sums.resting)} left alone for a time after a refused start" if sums.resting else ""
        return Cause(
            "waiting_for_devices",
            f"Waits for {shape.devices} {shape.device_type}: {_are(sums.free.devices)} free{spread}, "
            f"{_are(held)} held by {_jobs(sums.holders)}{coming}{resting}.",
            details,
        )
    where = f" on a node with {shape.devices} free {shape.device_type}" if shape.devices else ""
    with_cpus = [look for look in with_devices if look.free.milli_cpus >= shape.milli_cpus]
    if not with_cpus:
        most = max(look.free.milli_cpus for look in with_devices)
        return Cause(
            "waiting_for_cpus",
            f"Waits for {cpus_text(shape.milli_cpus)}{where}: at most {max(most, 0) / 1000:g} are free on one.",
            details,
        )
    most = max(look.free.memory_mib for look in with_cpus)
    return Cause(
        "waiting_for_memory",
        f"Waits for {shape.memory_mib} MiB of memory{where}: at most {max(most, 0)} MiB are free on one.",
        details,
    )


def _no_nodes(shape: Shape) -> Cause:
    return Cause(
        "no_nodes",
        "No node has reported yet, so nothing can run. Ask an operator to start an executor.",
        {"needs": _needs(shape)},
    )


def _no_such_device(shape: Shape, device_types: Iterable[str]) -> Cause:
    known = sorted(device_types)
    there = f"The yard has {', '.join(known)}" if known else "The yard has no devices"
    return Cause(
        "no_such_device",
        f"No node has {shape.device_type}. {there}.",
        {"needs": _needs(shape), "device_types": list(known)},
        may_change=False,
        advice=f"Kill the job and submit it for what is there, or ask an operator for a node with {shape.device_type}.",
    )


def _no_node_fits(shape: Shape, seen: Figures) -> Cause:
    suited = [look.total for look in seen.groups if look.total.devices > 0 or shape.device_type == CPU]
    most = largest(suited)
    has = f"{most.devices} {shape.device_type}, " if shape.device_type != CPU else ""
    spread = most.fits(shape)
    why = (
        "no single node has all of it, though there are nodes with" if spread else "no node is that large, with at most"
    )
    return Cause(
        "no_node_fits",
        f"Asks for {shape} on one node; {why} {has}{cpus_text(most.milli_cpus)} and {most.memory_mib} MiB.",
        {"needs": _needs(shape), "largest": _amounts(most)},
        may_change=False,
        advice="Kill it and submit it smaller.",
    )


def _all_silent(shape: Shape, names: list[str]) -> Cause:
    named = ", ".join(names[:NODES_NAMED]) + (", ..." if len(names) > NODES_NAMED else "")
    which = f"node {named}, which has" if len(names) == 1 else f"the nodes {named}, which have"
    return Cause(
        "node_silent",
        f"Fits only on {which} not reported for more than 30 seconds; it waits until a report comes again.",
        {"needs": _needs(shape), "nodes": list(names[:NODES_NAMED])},
    )


def _busy(shape: Shape, names: list[str], details: Facts) -> Cause:
    named = ", ".join(names[:NODES_NAMED])
    return Cause(
        "node_busy",
        f"Waits for its {shape}: node {named} has refused a start, since something else uses what the yard counts as "
        "free; it is tried again within a minute.",
        {**details, "nodes": list(names[:NODES_NAMED])},
    )


def _refused(look: Look, shape: Shape) -> bool:
    """Whether it would fit, were it not for a rest."""
    return look.free.plus(Room(look.resting, 0, 0)).fits(shape)


def _details(shape: Shape, seen: Figures) -> Facts:
    sums = seen.sums
    return {
        "needs": _needs(shape),
        "free": _amounts(sums.free),
        "free_on_one_node": _amounts(sums.largest),
        "held": _amounts(sums.total.minus(sums.free).minus(Room(sums.resting, 0, 0))),
        "held_by": sums.holders,
        "releasing": _amounts(sums.leaving),
    }


def _needs(shape: Shape) -> Facts:
    return {"device_type": shape.device_type, **_amounts(need(shape))}


def _amounts(room: Room) -> Facts:
    return {"devices": room.devices, "cpus": room.milli_cpus / 1000, "memory_mib": room.memory_mib}


def _are(count: int) -> str:
    return f"{count} is" if count == 1 else f"{count} are"


def _jobs(count: int) -> str:
    return "1 job" if count == 1 else f"{count} jobs"
