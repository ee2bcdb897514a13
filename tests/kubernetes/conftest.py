"""For each test a backend with a namespace of its own, in the cluster that all of them share."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.backends import files_of
from tests.support.benches import opened_in_cluster
from tests.support.executor_fixtures import nats, yard
from tests.support.kubernetes.bench import KubernetesBench
from tests.support.kubernetes.cluster import shared
from tests.support.kubernetes.proxy import Proxy, proxy
from tests.support.kubernetes.rights import listed, used
from tests.support.registry_fixtures import registry, way

__all__ = ("nats", "registry", "way", "yard")

collect_ignore_glob = files_of("kubernetes")
"""They run by `make test-kubernetes`, which builds what they need."""


@pytest.fixture
async def between(tmp_path: Path) -> AsyncIterator[Proxy]:
    """Whatever was asked through it is in the list of the executor's rights."""
    async with proxy(tmp_path, shared()) as between:
        yield between
        assert used(between.asked) <= listed()


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[KubernetesBench]:
    async with opened_in_cluster(tmp_path) as bench:
        yield bench
