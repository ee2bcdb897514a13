"""A NATS server, the rest of the platform as an executor meets it, and an executor: for the tests of that service."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from shared.settings import PlatformSettings
from tests.support.executor_service import ExecutorService, Yard, yard_at
from tests.support.nats import NatsServer


@pytest.fixture
async def nats() -> AsyncIterator[NatsServer]:
    async with NatsServer() as running:
        yield running


@pytest.fixture
async def yard(nats: NatsServer, tmp_path: Path) -> AsyncIterator[Yard]:
    (tmp_path / "work").mkdir()
    async with yard_at(PlatformSettings(data=tmp_path, nats_url=nats.url), tmp_path / "work") as yard:
        yield yard


@pytest.fixture
def executor(nats: NatsServer, tmp_path: Path) -> Iterator[ExecutorService]:
    with ExecutorService(nats.url, tmp_path / "data") as running:
        yield running
