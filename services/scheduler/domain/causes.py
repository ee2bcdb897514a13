"""What stands in the way of a shape, found from the figures of the yard."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Set

from services.scheduler.domain import lasting
from services.scheduler.domain.cause import NODES_NAMED, Cause, details_of, named, supply
from services.scheduler.domain.figures import Figures, Look, largest
from services.scheduler.domain.room import Room
from services.scheduler.domain.shape import Shape, cpus_text
from shared.contracts.events import Facts
from shared.contracts.job import CPU

Groups = Mapping[Look, Collection[str]]
"""Nodes that look alike, by their names."""


def cause_of(shape: Shape, seen: Figures, device_types: Set[str]) -> Cause:
    """Why no job of this shape starts now, the most lasting obstacle first."""
    if not seen.groups:
        return lasting.no_nodes(shape)
    if shape.device_type != CPU and shape.device_type not in device_types:
        return lasting.no_such_device(shape, device_types)
    capable = seen.capable(shape)
    if not capable:
        return lasting.no_node_fits(shape, seen)
    if (most := _together(shape, capable, lambda look: look.whole)) < shape.nodes:
        return lasting.too_many(shape, most)
    able = {look: names for look, names in capable.items() if not look.silent}
    if _together(shape, able, lambda look: look.whole) < shape.nodes:
        return lasting.silent(shape, sorted(name for look, names in capable.items() if look.silent for name in names))
    if _together(shape, able, lambda look: look.total) < shape.nodes:
        return lasting.closed(shape, {look: names for look, names in able.items() if _gives_less(look, shape)})
    details = details_of(shape, seen)
    awake = {look: names for look, names in able.items() if not look.closed}
    starting = _together(shape, awake, lambda look: look.free)
    if starting >= shape.nodes:
        return Cause(
            "waiting_for_turn",
            f"There is room for its {shape.whole}; it starts in a moment, unless the room is kept for a job ahead of "
            "it.",
            details,
        )
    if _together(shape, able, _rested) >= shape.nodes:
        refused = (names for look, names in able.items() if _refused(look, shape))
        return _busy(shape, sorted(name for names in refused for name in names), details)
    return _short_of_ranks(shape, starting, seen, details) if shape.gang else _short(shape, list(able), seen, details)


def _together(shape: Shape, groups: Groups, room: Callable[[Look], Room]) -> int:
    """How many ranks find room beside one another, at most, on the nodes of one executor; on one node, for one rank."""
    if not shape.gang:
        return int(any(room(look).fits(shape) for look in groups))
    alone, sums = 0, Counter[str]()
    for look, names in groups.items():
        ranks = room(look).ranks(shape)
        if look.executor is None:
            alone = max(alone, ranks)
        else:
            sums[look.executor] += ranks * len(names)
    return max(alone, *sums.values()) if sums else alone


def _rested(look: Look) -> Room:
    """What were free but for the rests."""
    return look.free.plus(Room(look.resting, 0, 0))


def _refused(look: Look, shape: Shape) -> bool:
    """Whether a rank would fit, were it not for a rest."""
    return bool(look.closed or look.resting) and _rested(look).fits(shape)


def _gives_less(look: Look, shape: Shape) -> bool:
    """Whether more ranks would fit there, were it open and used by runs alone."""
    return look.total.ranks(shape) < look.whole.ranks(shape)


def _short_of_ranks(shape: Shape, starting: int, seen: Figures, details: Facts) -> Cause:
    """Some of its ranks could start, but a gang starts whole."""
    could = f"{starting or 'none'} of them could start now"
    stand = f": {supply(seen)}" if shape.devices else ""
    return Cause(
        "gang", f"Needs {shape.whole}, all at the same time; {could}{stand}.", {**details, "could_start": starting}
    )


def _short(shape: Shape, able: list[Look], seen: Figures, details: Facts) -> Cause:
    """The first amount of which no node has enough: devices, cpus where there are devices, then memory, then pods."""
    best = largest(look.free for look in able)
    with_devices = [look for look in able if look.free.devices >= shape.devices]
    if not with_devices:
        spread = f", at most {best.devices} of them on one node" if seen.sums.free.devices >= shape.devices else ""
        message = f"Waits for {shape.devices} {shape.device_type}: {supply(seen, spread)}."
        return Cause("waiting_for_devices", message, details)
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
    if shape.memory_mib and most < shape.memory_mib:
        return Cause(
            "waiting_for_memory",
            f"Waits for {shape.memory_mib} MiB of memory{where}: at most {max(most, 0)} MiB are free on one.",
            details,
        )
    return Cause(
        "waiting_for_pods",
        f"Waits for a pod{where}: nodes that have all else free hold as many pods as they may.",
        details,
    )


def _busy(shape: Shape, names: list[str], details: Facts) -> Cause:
    which = f"node {named(names)} has" if len(names) == 1 else f"the nodes {named(names)} have"
    return Cause(
        "node_busy",
        f"Waits for its {shape.whole}: {which} refused a start, since something else uses what the yard counts as "
        "free; it is tried again within a minute.",
        {**details, "nodes": list(names[:NODES_NAMED])},
    )
