"""Whoever listens is told that a node has fallen silent, although nothing happens then."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from services.gateway.fresh import FRESH_S
from services.gateway.inbox import NODES, Inbox
from services.gateway.live import Live
from services.gateway.silence import Silence
from services.gateway.sse import ServerEvent
from shared.contracts.cluster import AskCluster, ClusterNode, ClusterPage
from shared.contracts.commands.cluster import CLUSTER
from shared.contracts.errors import Unavailable
from tests.support.gateway import Gateway, caller
from tests.support.waiting import until


class Yard:
    """The scheduler, as far as it says who is silent, and somebody who may listen."""

    def __init__(self, inside: Gateway) -> None:
        self.silent: set[str] | None = set()
        self.nodes = ["a", "b"]
        self.asked = 0
        self.told: list[ServerEvent] = []
        self.live = Live(inside.bus)
        self.inbox = Inbox(caller("ada"))
        self._clock = inside.clock
        inside.bus.answers[CLUSTER.subject] = self._answer
        self.silence = Silence(inside.parts.clusters, self.live, every_s=0)

    def _answer(self, ask: AskCluster) -> ClusterPage:
        self.asked += 1
        self._clock.advance(FRESH_S)
        if self.silent is None:
            raise Unavailable("Not now.")
        nodes = [ClusterNode(node=name, silent=name in self.silent, cpus=1, memory_mib=1) for name in self.nodes]
        return ClusterPage(nodes=tuple(nodes))

    async def listen(self) -> None:
        """Note what the reader is told."""
        while True:
            self.told.append(await self.inbox.next())

    async def told_so_far(self, times: int) -> None:
        """Returns once the reader was told so often, and no more often although it was looked on."""
        await until(lambda: len(self.told) >= times, "it is told")
        await self.looked()
        assert self.told == [NODES] * times

    async def looked(self) -> None:
        """Returns once it was looked twice again."""
        seen = self.asked
        await until(lambda: self.asked > seen + 1, "it is looked again")


@pytest.fixture
async def quiet(yard: Gateway) -> AsyncGenerator[Yard, None]:
    quiet = Yard(yard)
    running = [asyncio.create_task(one) for one in (quiet.silence.run(), quiet.listen())]
    yield quiet
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_node_that_falls_silent_or_comes_back_is_told_once(quiet: Yard) -> None:
    quiet.live.join(quiet.inbox)
    await quiet.told_so_far(0)
    for times, silent in enumerate(({"b"}, {"a", "b"}, set[str]()), start=1):
        quiet.silent = silent
        await quiet.told_so_far(times)


async def test_a_scheduler_that_is_away_is_no_news_and_what_happened_meanwhile_is_told(quiet: Yard) -> None:
    quiet.live.join(quiet.inbox)
    await quiet.told_so_far(0)
    quiet.silent = None
    await quiet.told_so_far(0)
    quiet.silent = {"a"}
    await quiet.told_so_far(1)


async def test_a_replica_that_does_not_know_a_silent_node_is_no_news(quiet: Yard) -> None:
    quiet.silent = {"b"}
    quiet.live.join(quiet.inbox)
    await quiet.told_so_far(0)
    for nodes in (["a"], ["a", "b"], ["a"]):
        quiet.nodes = nodes
        await quiet.told_so_far(0)
    quiet.nodes, quiet.silent = ["a", "b"], set()
    await quiet.told_so_far(1)


async def test_nobody_is_asked_while_nobody_listens(quiet: Yard) -> None:
    for _ in range(2):
        asked = quiet.asked
        for _ in range(10):
            await asyncio.sleep(0)
        assert quiet.asked <= asked + 1, "a look that was under way"
        quiet.live.join(quiet.inbox)
        await quiet.looked()
        quiet.live.leave(quiet.inbox)
