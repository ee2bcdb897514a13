"""Nodes that fall silent: that is no event, since whoever is silent says nothing. The scheduler alone knows it.

So while somebody listens to what happens, the scheduler is asked who is silent, and a difference is told to all who
listen. It is told at the first look too: whoever has begun to listen may have looked just before the silence.
"""

import asyncio

import structlog

from services.gateway.cluster import Clusters
from services.gateway.live import Live
from shared.contracts.errors import Refusal

log = structlog.get_logger()

LOOK_S = 5.0


class Silence:
    """Looks for the nodes that are silent."""

    def __init__(self, clusters: Clusters, live: Live, every_s: float = LOOK_S) -> None:
        self._clusters = clusters
        self._live = live
        self._every_s = every_s
        self._silent: frozenset[str] | None = None

    async def run(self) -> None:
        """For good."""
        while True:
            await asyncio.sleep(self._every_s)
            if not self._live.has_readers:
                self._silent = None
                continue
            try:
                silent = await self._clusters.silent()
            except Refusal as refusal:
                log.info("silent_nodes_unknown", problem=refusal.code)
                continue
            if silent != self._silent:
                self._silent = silent
                self._live.tell_of_nodes()
