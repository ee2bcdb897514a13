"""The rest of the platform as an executor meets it, for the tests on a real engine (`make test-docker`)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.settings import PlatformSettings
from tests.support.backends import files_of
from tests.support.executor_service import Yard, yard_at
from tests.support.nats import NatsServer

collect_ignore_glob = files_of("docker")


@pytest.fixture
async def nats() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def yard(nats: NatsServer, tmp_path: Path) -> AsyncIterator[Yard]:
    (tmp_path / "work").mkdir()
    async with yard_at(PlatformSettings(data=tmp_path, nats_url=nats.url), tmp_path / "work") as yard:
        yield yard
