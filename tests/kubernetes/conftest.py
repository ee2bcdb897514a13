"""One real cluster for all tests of this folder, and for each test a backend with a namespace of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.ids import new_id
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import Cluster
from tests.support.kubernetes.cluster import cluster as started_cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with started_cluster() as running:
        yield running


@pytest.fixture
async def bench(cluster: Cluster, tmp_path: Path) -> AsyncIterator[KubernetesBench]:
    bench = KubernetesBench(cluster, tmp_path / "home", tmp_path / "work", new_id()[-10:].lower())
    await bench.prepare()
    await bench.open()
    yield bench
    await bench.close()
    await bench.clear()
    bench.end_everything()
