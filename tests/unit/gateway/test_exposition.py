"""The text for Prometheus: many readers at one time cost as much as one, and each reads what was so when it asked."""

import asyncio
from collections.abc import Iterator

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from services.gateway.exposition import Exposition


class Figure(Collector):
    """One gauge; counts how often it was read."""

    def __init__(self) -> None:
        self.value = 0
        self.read = 0

    def collect(self) -> Iterator[GaugeMetricFamily]:
        self.read += 1
        yield GaugeMetricFamily("figure", "", self.value)


@pytest.fixture
def figure() -> Figure:
    return Figure()


@pytest.fixture
def exposition(figure: Figure) -> Exposition:
    registry = CollectorRegistry(auto_describe=False)
    registry.register(figure)
    figure.read = 0
    return Exposition(registry)


async def test_a_hundred_readers_at_one_time_get_one_text(exposition: Exposition, figure: Figure) -> None:
    texts = await asyncio.gather(*(exposition.text() for _ in range(100)))
    assert len(set(texts)) == 1
    assert figure.read == 1


async def test_a_text_is_never_older_than_the_question(exposition: Exposition, figure: Figure) -> None:
    for figure.value in range(5):
        assert f"figure {figure.value}.0" in (await exposition.text()).decode()


async def test_a_reader_that_goes_away_takes_nothing_from_the_others(exposition: Exposition, figure: Figure) -> None:
    first = asyncio.create_task(exposition.text())
    others = [asyncio.create_task(exposition.text()) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    assert len({await other for other in others}) == 1
    assert figure.read == 1
