"""`jobyard cluster`: the nodes, what of them is held and by whom, and below it who waits for what."""

from collections import Counter
from collections.abc import Iterator

import typer

from jobyard.cli.figures import size
from jobyard.cli.session import JsonOption, session
from jobyard.cli.tables import Column, print_table
from jobyard.cli.terminal import inert, notes, output, print_json
from jobyard.cli.times import brief
from jobyard.models import Cluster, ClusterNode, NodeState, QueueReason, SlotHolder

COLUMNS = (
    Column("Node"),
    Column("State"),
    Column("Devices"),
    Column("CPUs", right=True),
    Column("Memory", right=True),
    Column("Held by", spare=True),
)
MIB = 1 << 20
ELSEWHERE = "others"
REASONS = 10
"""The most lines about the queue."""
CLOSED = 5
"""The most nodes that are named as closed for one reason."""


def cluster(context: typer.Context, as_json: JsonOption = False) -> None:
    """Show the nodes, the devices that are in use and by which jobs, and who waits for what.

    Jobs of virtual clusters that I do not belong to are just `others`.
    """
    found = session(context).client.cluster.now()
    if as_json:
        print_json(found)
        return
    if found.nodes:
        print_table(output(), COLUMNS, [_row(node) for node in found.nodes])
    for sentence in _sentences(found):
        notes().print(inert(sentence))


def _row(node: ClusterNode) -> list[str]:
    devices = ", ".join(f"{one.device_type} {one.used}/{one.total}" for one in node.devices)
    cpus = "" if node.cpus is None else f"{node.cpus_used:g}/{node.cpus:g}"
    memory = "" if node.memory_mib is None else f"{size(node.memory_mib_used * MIB)}/{size(node.memory_mib * MIB)}"
    holders = Counter(_name(slot) for one in node.devices for slot in one.slots if slot is not None)
    held = ", ".join(name if count == 1 else f"{name} x{count}" for name, count in holders.items())
    return [node.name, _state(node), devices, cpus, memory, held]


def _state(node: ClusterNode) -> str:
    if node.state is NodeState.SILENT:
        return f"silent since {brief(node.since)}" if node.since is not None else "silent"
    return "closed" if node.closed is not None else str(node.state)


def _name(holder: SlotHolder) -> str:
    return ELSEWHERE if holder.job_id is None else f"{holder.name} ({holder.owner}, {holder.vc})"


def _sentences(found: Cluster) -> Iterator[str]:
    if not found.nodes:
        yield "No node has reported yet. Ask an operator to start an executor."
    for reason, names in _closed(found).items():
        shown = ", ".join(names[:CLOSED]) + (f" and {len(names) - CLOSED} more" if len(names) > CLOSED else "")
        yield f"Closed: {shown}. {reason}"
    for total in found.totals.devices:
        simulated = {0: "", total.total: ", simulated"}.get(total.simulated, f", {total.simulated} of them simulated")
        yield f"{total.device_type}: {total.used} of {total.total} held, {total.free} free{simulated}."
    waiting = found.queue.waiting
    yield {0: "Nobody waits.", 1: "1 job waits:"}.get(waiting, f"{waiting} jobs wait:")
    rows = found.queue.by_reason
    for row in rows[:REASONS]:
        yield f"  {_reason(row)}"
    if len(rows) > REASONS:
        yield f"  and {sum(row.waiting for row in rows[REASONS:])} more for other reasons (--json has all)"


def _closed(found: Cluster) -> dict[str, list[str]]:
    """The nodes that report and get nothing new, by why."""
    names: dict[str, list[str]] = {}
    for node in found.nodes:
        if node.closed is not None and node.state is not NodeState.SILENT:
            names.setdefault(node.closed.message, []).append(node.name)
    return names


def _reason(row: QueueReason) -> str:
    whose = f"of {row.vc}" if row.vc is not None else "of other virtual clusters"
    what = f"{row.devices} {row.device_type}" if row.devices else row.device_type
    return f"{row.waiting} {whose} for {what}: {row.code}"
