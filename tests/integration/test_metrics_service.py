"""The metrics service on a real nats-server: whatever is restarted, what the stream holds of a job is answered."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.bus.bus import Bus, connect
from shared.bus.streams import bootstrap
from shared.settings import PlatformSettings
from tests.support.metrics_service import MetricsService, asked, drawn, page, publish, sample_at
from tests.support.nats import NatsServer
from tests.support.waiting import until


@pytest.fixture
async def server() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def bus(server: NatsServer) -> AsyncIterator[Bus]:
    async with connect(server.url, "test") as connected:
        await bootstrap(connected.js, PlatformSettings())
        yield connected


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


async def test_what_a_run_says_is_drawn_as_it_comes(bus: Bus, server: NatsServer, data: Path) -> None:
    with MetricsService(server.url, data):
        found = await page(bus, asked())
        assert (found.series, found.source, found.more) == ((), "ring", False)
        for second in range(0, 50, 5):
            await publish(bus, sample_at(second, cpu_seconds=second * 0.5, memory_bytes=second * 1000))

            async def last(at: int = second) -> bool:
                series = await drawn(bus, asked())
                return bool(series) and series[-1].values[-1] == at * 1000

            await until(last, "the sample is drawn")
        cpu, memory = await drawn(bus, asked())
        assert (cpu.name, cpu.unit, cpu.labels) == ("cpu", "cores", {"rank": "0"})
        assert set(cpu.values) == {0.5}
        assert memory.values == tuple(second * 1000.0 for second in range(0, 50, 5))
