"""One real cluster for all tests of this folder, and for each test a backend with a namespace of its own."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.ids import new_id
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import kubeconfig as given_or_started


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[Path]:
    with given_or_started() as path:
        yield path


@pytest.fixture
async def bench(kubeconfig: Path, tmp_path: Path) -> AsyncIterator[KubernetesBench]:
    bench = KubernetesBench(kubeconfig, tmp_path / "home", tmp_path / "work", new_id()[-10:].lower())
    await bench.prepare()
    await bench.open()
    yield bench
    await bench.close()
    await bench.clear()
    bench.end_everything()
