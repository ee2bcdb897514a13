"""Nodes that fall silent: that is no event, since whoever is silent says nothing. The scheduler alone knows it.

So from when somebody begins to listen to what happens, the scheduler is asked who is silent, and a difference is told
to all who listen. Any of its replicas answers, and one may not know a node of which another says that it is silent: a
node that an answer leaves out has not changed.
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

    async def run(self) -> None:
        """For good."""
        while True:
            await self._live.listened()
            known = await self._look()
            while self._live.has_readers:
                await asyncio.sleep(self._every_s)
                seen = await self._look()
                if seen is None:
                    continue
                if known is None or any(known.get(node, silent) != silent for node, silent in seen.items()):
                    self._live.tell_of_nodes()
                known = (known or {}) | seen

    async def _look(self) -> dict[str, bool] | None:
        """Of each node whether it is silent; None while the scheduler does not say."""
        try:
            return await self._clusters.silence()
        except Refusal as refusal:
            log.info("silent_nodes_unknown", problem=refusal.code)
            return None
