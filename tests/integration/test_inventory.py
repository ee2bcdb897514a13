"""What an executor tells of its nodes, on a real nats-server: of all of them, however many, and of each once that it is
there.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime

from nats.aio.msg import Msg
from nats.js.errors import NoKeysError

from services.executor.domain.admission import Capacity
from services.executor.inventory import AT_ONCE, Inventory
from shared.bus.bus import connect
from shared.bus.streams import bootstrap
from shared.clock import SystemClock
from shared.contracts import subjects
from shared.contracts.events import NodeReported
from shared.settings import PlatformSettings
from tests.support.nats import NatsServer
from tests.support.waiting import until

MANY = [f"node-{number}" for number in range(2 * AT_ONCE + 3)]


class Cluster:
    """So many nodes."""

    boot_id = "cluster"

    def __init__(self) -> None:
        self.capacities: Mapping[str, Capacity] = {name: Capacity(8.0, 1024, {}) for name in MANY}

    def reports(self, now: datetime, since: datetime) -> Iterator[NodeReported]:
        for name, has in self.capacities.items():
            yield NodeReported(
                node=name,
                boot_id="b",
                cpus=has.cpus,
                memory_mib=has.memory_mib,
                devices={},
                reported_at=now,
                since=since,
                executor="cluster",
            )


async def test_every_node_of_a_large_cluster_is_told_and_announced_once(nats: NatsServer) -> None:
    async with connect(nats.url, "test") as bus:
        await bootstrap(bus.js, PlatformSettings())
        bucket = await bus.js.key_value(subjects.NODES)
        announced: list[str] = []

        async def hear(message: Msg) -> None:
            announced.append(message.subject)

        await bus.nats.subscribe("evt.node.>", cb=hear)
        telling = asyncio.create_task(Inventory(bus, SystemClock(), "cluster", Cluster()).run(0.05))

        async def known() -> set[str]:
            with suppress(NoKeysError):
                return set(await bucket.keys())
            return set()

        async def all_are_there() -> bool:
            return await known() == set(MANY)

        await until(all_are_there, "all nodes are told")
        first = await bucket.get(MANY[-1])

        async def renewed() -> bool:
            return bool((await bucket.get(MANY[-1])).revision != first.revision)

        await until(renewed, "the last one is told again")
        await until(lambda: len(announced) >= len(MANY), "all are announced")
        telling.cancel()
    assert len(announced) == len(set(announced)) == len(MANY)
