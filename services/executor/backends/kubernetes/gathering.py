"""What the ranks of a run wait for in their pods before any of them starts the command, and where they find it.

All pods of a run are made at once, and each may take its time: an image comes to one node later than to another, a
quota lets in one rank and not the next. So a run starts with all of its ranks or with none. Where they meet is told to
them once all of their pods are there, in a file of the job's folder, and with it their rank table, where devices are
NPUs (see `rendezvous`). A run of one rank waits for nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.executor.backends.kubernetes.layout import Layout
from services.executor.backends.protocol import RunOrder
from services.executor.domain import pod_names as names
from services.executor.domain.rank_table import VARIABLE, file_name
from services.executor.domain.record import rank_of

_NPUS = "huawei.com/"
"""What the resources of Huawei's device plugins begin with."""


@dataclass(frozen=True)
class Gathering:
    """Of one run; it is the same for all of its ranks."""

    ranks: int
    meeting: Path
    """Where the address is written that they meet at."""
    host: str | None = None
    """Rank 0's name in the cluster's DNS, if they are to meet by that; none: they meet at its pod's address."""
    table: Path | None = None
    """Where the rank table is to be; none for a run that needs none, or has a value of its own."""
    npus: int = 0
    """Of each rank."""

    @property
    def files(self) -> tuple[Path, ...]:
        """All that is written for it."""
        return (self.meeting,) if self.table is None else (self.meeting, self.table)

    def facts(self) -> dict[str, Any]:
        """To be kept."""
        table = None if self.table is None else str(self.table)
        return {
            "ranks": self.ranks,
            "meeting": str(self.meeting),
            "host": self.host,
            "table": table,
            "npus": self.npus,
        }


def gathering_of(order: RunOrder, layout: Layout) -> Gathering | None:
    """None: the run has one rank."""
    if order.ranks < 2:
        return None
    run_id, _ = rank_of(order.run_id)
    host = None
    if layout.domain:
        host = names.host_name(run_id, names.namespace(order.vc, layout.namespaces), layout.domain)
    meeting = order.folders.job / f".jobyard-{run_id}.meeting"
    return Gathering(order.ranks, meeting, host, _table(order, layout), len(order.devices))


def kept_gathering(facts: Mapping[str, Any]) -> Gathering:
    """Of what `facts` gave."""
    table = None if facts["table"] is None else Path(facts["table"])
    return Gathering(facts["ranks"], Path(facts["meeting"]), facts["host"], table, facts["npus"])


def _table(order: RunOrder, layout: Layout) -> Path | None:
    kind = layout.device_types.get(order.device_type)
    if kind is None or not kind.resource.startswith(_NPUS) or not order.devices:
        return None
    if VARIABLE in order.env or not layout.rank_table_s:
        return None
    return order.folders.job / file_name(rank_of(order.run_id)[0])
