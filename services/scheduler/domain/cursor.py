"""Where the next job of a shape starts: the tightest site, without looking at every ground for every job."""

from heapq import heapify, heappop, heappush, heapreplace

from services.scheduler.domain.fit import Ledger
from services.scheduler.domain.nodes import Nodes
from services.scheduler.domain.sites import Site, Sites


class Cursor:
    """The grounds on which a shape fits now, the tightest first, looked up once per plan.

    Within a plan room only shrinks, so a ground that stopped fitting is dropped; those of `Ledger.reopened` are looked
    at again.
    """

    def __init__(self, sites: Sites, ledger: Ledger, nodes: Nodes) -> None:
        self.sites = sites
        self._ledger = ledger
        self._nodes = nodes
        self._heap: list[Site] = []
        self._since: int | None = None
        self._reopened = 0

    def best(self, since: int) -> Site | None:
        """Where the shape fits most tightly, among the grounds that improved since then; None: on no such."""
        if self._since is None or since < self._since:
            self._since = since
            self._reopened = 0
            grounds = self.sites.all() if since == 0 else self.sites.of(self._nodes.improved_since(since))
            self._heap = self.sites.now(grounds)
            heapify(self._heap)
        self._look_again()
        while self._heap:
            top = self._heap[0]
            now = self.sites.now((top.ground,))
            if not now:
                heappop(self._heap)
            elif now[0].cost != top.cost:
                heapreplace(self._heap, now[0])
            else:
                return now[0]
        return None

    def _look_again(self) -> None:
        if self._reopened < len(self._ledger.reopened):
            listed = {site.ground for site in self._heap}
            reopened = self.sites.of(dict.fromkeys(self._ledger.reopened[self._reopened :]))
            for site in self.sites.now([ground for ground in reopened if ground not in listed]):
                heappush(self._heap, site)
            self._reopened = len(self._ledger.reopened)
