"""The yard now and over time, as the caller may see it: from the scheduler, and from the metrics service.

What the scheduler told a moment ago is kept for everybody: the rights are applied to each caller's answer, so that a
crowd of readers costs the scheduler one question a second.
"""

import asyncio
from collections.abc import Iterable, Mapping

from services.gateway.domain import cluster
from services.gateway.domain.access import Caller
from services.gateway.domain.spans import EPOCH, Life, span, wrong
from services.gateway.fresh import FRESH_S
from services.gateway.resources.cluster import (
    Cluster,
    ClusterDevices,
    ClusterHistory,
    ClusterNode,
    ClusterQueue,
    ClusterSeries,
    ClusterTotals,
    ClusterVc,
    DeviceTotal,
    NodeState,
    QueueReason,
    SeriesName,
    SlotHolder,
)
from shared.bus.bus import Bus
from shared.clock import Clock
from shared.contracts import cluster as contract
from shared.contracts.cluster import AskCluster, ClusterPage, HistorySeries, QueryHistory
from shared.contracts.commands.cluster import CLUSTER, HISTORY

ANSWER_VALUES = 250_000
"""The most values that one answer has over all of its series, so that its size is bounded."""
_DRAWN = frozenset(SeriesName)
_STRANGER = SlotHolder(job_id=None, name=None, owner=None, vc=None)


class Clusters:
    """Its methods raise Refusals that a person can act on."""

    def __init__(self, bus: Bus, clock: Clock, timeout_s: float) -> None:
        self._bus = bus
        self._clock = clock
        self._timeout_s = timeout_s
        self._known: tuple[float, cluster.Yard] | None = None
        self._reading: asyncio.Task[cluster.Yard] | None = None

    async def now(self, caller: Caller, vcs: Iterable[str]) -> Cluster:
        """The yard, with these virtual clusters, of which the caller knows. Raises Unavailable."""
        yard = await self._yard()
        used, open_ = cluster.used_by(yard), {row.vc: row for row in yard.open}
        by_reason = cluster.reasons(caller, yard.queue)
        slots = {id: _slot(caller, holder) for id, holder in yard.holders.items()}
        return Cluster.of(
            nodes=tuple(_node(node, slots) for node in yard.nodes),
            vcs=tuple(_vc(name, used.get(name, {}), open_.get(name)) for name in sorted(vcs)),
            totals=_totals(yard),
            queue=ClusterQueue(
                waiting=yard.waiting,
                by_reason=tuple(QueueReason(**vars(reason)) for reason in by_reason),
            ),
        )

    async def silence(self) -> dict[str, bool]:
        """Of each node, whether it has not reported for a while. Raises Unavailable."""
        return {node.node: node.silent for node in (await self._yard()).nodes}

    async def history(self, caller: Caller, start: str | None, end: str | None, step: str | None) -> ClusterHistory:
        """Queue and devices, by default of the last hour. Raises Invalid, Unavailable."""
        meant = span(Life(EPOCH, None), self._clock.now(), start, end, step)
        vcs = None if caller.admin else tuple(sorted(caller.vcs))
        ask = QueryHistory(start=meant.start, end=meant.end, step_s=meant.step_s, vcs=vcs)
        found: dict[tuple[str, str | None, str | None], HistorySeries] = {}
        values = 0
        while True:
            page = await self._bus.ask(HISTORY, ask, self._timeout_s)
            for series in page.series:
                # A series that came between two pages moves the others on: none is there twice.
                found[series.name, series.device_type, series.vc] = series
                values += len(series.values)
            if values > ANSWER_VALUES:
                raise wrong("step", f"would make more than {ANSWER_VALUES:,} values in all; take a longer one")
            if not page.more or not page.series:
                break
            ask = ask.model_copy(update={"skip": ask.skip + len(page.series)})
        drawn = (one for one in found.values() if one.name in _DRAWN)
        seen = tuple(_series(one) for one in drawn if one.vc is None or cluster.names_vc(caller, one.vc))
        return ClusterHistory(start=meant.start, end=meant.end, step=meant.step_s, series=seen)

    async def _yard(self) -> cluster.Yard:
        """As of at most FRESH_S ago. Whoever asks while it is read gets the same answer, or the same refusal."""
        now = self._clock.monotonic()
        if self._known is not None and now - self._known[0] < FRESH_S:
            return self._known[1]
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read(now))
        return await asyncio.shield(self._reading)

    async def _read(self, began: float) -> cluster.Yard:
        pages: list[ClusterPage] = []
        ask = AskCluster()
        while True:
            page = await self._bus.ask(CLUSTER, ask, self._timeout_s)
            pages.append(page)
            if not page.more or not page.nodes:
                break
            ask = AskCluster(after=page.nodes[-1].node)
        self._known = (began, cluster.joined(pages))
        return self._known[1]


def _node(node: contract.ClusterNode, slots: Mapping[str, SlotHolder]) -> ClusterNode:
    return ClusterNode.of(
        name=node.node,
        state=NodeState.SILENT if node.silent else NodeState.READY,
        since=node.since,
        closed=node.closed,
        cpus=node.cpus,
        cpus_used=node.cpus_held,
        memory_mib=node.memory_mib,
        memory_mib_used=node.memory_held_mib,
        devices=tuple(_devices(devices, slots) for devices in node.devices),
    )


def _devices(devices: contract.NodeDevices, slots: Mapping[str, SlotHolder]) -> ClusterDevices:
    return ClusterDevices.of(
        device_type=devices.device_type,
        total=devices.total,
        used=len(devices.held),
        resting=devices.resting,
        simulated=devices.simulated,
        slots=tuple(slots[id] if id is not None else None for id in cluster.by_index(devices)),
    )


def _slot(caller: Caller, holder: contract.Holder) -> SlotHolder:
    if not cluster.sees(caller, holder):
        return _STRANGER
    return SlotHolder.of(job_id=holder.id, name=holder.name, owner=holder.owner, vc=holder.vc)


def _vc(name: str, used: dict[str, int], open_: contract.Open | None) -> ClusterVc:
    waiting, running = (open_.waiting, open_.running) if open_ is not None else (0, 0)
    held = dict(sorted(used.items()))
    return ClusterVc(name=name, quota={}, used=held, borrowed={}, waiting=waiting, running=running)


def _totals(yard: cluster.Yard) -> ClusterTotals:
    return ClusterTotals(
        nodes=len(yard.nodes),
        silent_nodes=sum(node.silent for node in yard.nodes),
        closed_nodes=sum(node.closed is not None and not node.silent for node in yard.nodes),
        devices=tuple(DeviceTotal(device_type=name, **vars(one)) for name, one in cluster.sums(yard).items()),
    )


def _series(one: HistorySeries) -> ClusterSeries:
    return ClusterSeries.of(name=SeriesName(one.name), device_type=one.device_type, vc=one.vc, values=one.values)
