"""A played API server, and one that is reached through a proxy, for the tests that trouble the way to a cluster."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.executor.backends.kubernetes.api import Api
from tests.support.kubernetes.proxy import Proxy, proxy


@pytest.fixture
async def between(tmp_path: Path) -> AsyncIterator[Proxy]:
    """Nobody is behind it: it says what a test lets it say."""
    async with proxy(tmp_path) as between:
        yield between


@pytest.fixture
async def api(between: Proxy) -> AsyncIterator[Api]:
    api = Api(between.kubeconfig)
    await api.open()
    yield api
    await api.close()
