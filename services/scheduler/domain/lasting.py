"""What keeps a shape from starting until nodes change: no end of a job would help, so none is named or counted."""

from collections.abc import Collection, Iterable, Mapping

from services.scheduler.domain.cause import NODES_NAMED, Cause, amounts, named, needs
from services.scheduler.domain.figures import Figures, Look, largest
from services.scheduler.domain.room import NOTHING
from services.scheduler.domain.shape import Shape, cpus_text
from shared.contracts.job import CPU


def no_nodes(shape: Shape) -> Cause:
    return Cause(
        "no_nodes",
        "No node has reported yet, so nothing can run. Ask an operator to start an executor.",
        {"needs": needs(shape)},
    )


def no_such_device(shape: Shape, device_types: Iterable[str]) -> Cause:
    known = sorted(device_types)
    there = f"The yard has {', '.join(known)}" if known else "The yard has no devices"
    return Cause(
        "no_such_device",
        f"No node has {shape.device_type}. {there}.",
        {"needs": needs(shape), "device_types": list(known)},
        may_change=False,
        advice=f"Kill the job and submit it for what is there, or ask an operator for a node with {shape.device_type}.",
    )


def no_node_fits(shape: Shape, seen: Figures) -> Cause:
    suited = [look.whole for look in seen.groups if look.whole.devices > 0 or shape.device_type == CPU]
    most = largest(suited)
    if most == NOTHING:
        return Cause(
            "no_node_fits",
            "Asks for no devices, and every node takes only jobs that hold some of its devices.",
            {"needs": needs(shape), "largest": amounts(most)},
            may_change=False,
            advice="Submit it with a device, or ask an operator for a node without that taint.",
        )
    has = f"{most.devices} {shape.device_type}, " if shape.device_type != CPU else ""
    spread = most.fits(shape)
    why = (
        "no single node has all of it, though there are nodes with" if spread else "no node is that large, with at most"
    )
    return Cause(
        "no_node_fits",
        f"Asks for {shape} on {'each of its nodes' if shape.gang else 'one node'}; {why} {has}"
        f"{cpus_text(most.milli_cpus)} and {most.memory_mib} MiB.",
        {"needs": needs(shape), "largest": amounts(most)},
        may_change=False,
        advice="Kill it and submit it smaller.",
    )


def too_many(shape: Shape, most: int) -> Cause:
    where = "on one machine or cluster, which all of them have to share"
    return Cause(
        "gang_too_large",
        f"Asks for {shape.whole}; even if nothing else ran there, at most {most} of them would find room {where}.",
        {"needs": needs(shape), "most": most},
        may_change=False,
        advice="Kill it and submit it with fewer nodes, or smaller ones.",
    )


def silent(shape: Shape, names: list[str]) -> Cause:
    which = f"node {named(names)}, which has" if len(names) == 1 else f"the nodes {named(names)}, which have"
    return Cause(
        "node_silent",
        f"Fits only {'with' if shape.gang else 'on'} {which} not reported for more than 30 seconds; it waits until a "
        "report comes again.",
        {"needs": needs(shape), "nodes": list(names[:NODES_NAMED])},
    )


def closed(shape: Shape, less: Mapping[Look, Collection[str]]) -> Cause:
    """There are such nodes, and nothing of them, or not enough, is given to runs."""
    names = sorted(name for those in less.values() for name in those)
    which = f"node {named(names)}" if len(names) == 1 else f"the nodes {named(names)}"
    left = largest(look.total for look in less)
    states = []
    if any(look.total == NOTHING for look in less):
        states.append("closed to new runs (cordoned or tainted)")
    if any(look.total != NOTHING for look in less):
        has = f"{left.devices} {shape.device_type}, " if shape.device_type != CPU else ""
        left_there = f"{has}{cpus_text(left.milli_cpus)} and {left.memory_mib} MiB"
        if left.pods < shape.nodes:
            left_there += f" in {left.pods} pods"
        states.append(f"used by others than this platform (at most {left_there} of one are left for runs)")
    return Cause(
        "nodes_closed",
        f"Fits only {'with' if shape.gang else 'on'} {which}, {'which is' if len(names) == 1 else 'which are'} "
        f"{' or '.join(states)}; it waits until that changes.",
        {"needs": needs(shape), "nodes": list(names[:NODES_NAMED]), "left": amounts(left)},
    )
