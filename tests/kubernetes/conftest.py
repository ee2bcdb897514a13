"""For each test a backend with a namespace of its own, in the cluster that all of them share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.backends import files_of
from tests.support.benches import opened_in_cluster
from tests.support.executor_fixtures import nats, yard
from tests.support.kubernetes.bench import KubernetesBench

__all__ = ("nats", "yard")

collect_ignore_glob = files_of("kubernetes")
"""They run by `make test-kubernetes`, which builds what they need."""


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KubernetesBench]:
    async with opened_in_cluster(tmp_path) as bench:
        yield bench
