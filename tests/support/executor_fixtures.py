"""What tests of the executor's service stand on, whatever backend they are about: import them in a `conftest.py`."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from shared.settings import PlatformSettings
from tests.support.executor_service import Yard, yard_at
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
