"""What Prometheus learns of the platform, with a real one: every part of it, and the same from separate services."""

import re
from collections.abc import Iterator

import httpx
import pytest

from shared.contracts.instruments import INSTRUMENTS
from tests.support.platform import Platform, platform
from tests.support.programs import needs
from tests.support.prometheus import PrometheusServer
from tests.support.waiting import wait_until

needs("prometheus")

PARTS = {
    "core": {"jobs", "scheduler", "logs", "metrics", "notify"},
    "executor": {"executor"},
    "gateway": {"gateway"},
    "endpoints": {"endpoints"},
}


@pytest.fixture(scope="module")
def yard() -> Iterator[Platform]:
    with platform(simulate="v100=2") as running:
        yield running


@pytest.fixture(scope="module")
def prometheus(yard: Platform) -> Iterator[PrometheusServer]:
    with PrometheusServer(list(yard.metrics.values())) as running:
        yield running


def value(prometheus: PrometheusServer, promql: str) -> float:
    """Of a query with one result, once there is one."""
    (result,) = prometheus.wait_for(promql)
    return float(result["value"][1])


def names_of(text: str) -> set[str]:
    return set(re.findall(r"^# TYPE (\S+) ", text, re.MULTILINE))


def test_every_part_says_which_of_its_services_can_work(yard: Platform) -> None:
    for part, services in PARTS.items():
        text = httpx.get(f"http://{yard.metrics[part]}/metrics", trust_env=False).text
        ready = re.findall(r'^jobyard_service_ready\{service="(\w+)"\} 1\.0$', text, re.MULTILINE)
        assert set(ready) == services
        assert "process_resident_memory_bytes" in text


def test_the_parts_together_have_what_the_table_promises_and_nothing_else(yard: Platform) -> None:
    yard.wait(yard.submit("true"))
    texts = [httpx.get(f"http://{place}/metrics", trust_env=False).text for place in yard.metrics.values()]
    found = {name for text in texts for name in names_of(text) if not name.startswith("process_")}
    assert found == {one.name for one in INSTRUMENTS}
