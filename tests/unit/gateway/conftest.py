"""The gateway's application for the tests of this folder."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.support.gateway import Gateway, gateway


@pytest.fixture
async def yard(tmp_path: Path) -> AsyncGenerator[Gateway, None]:
    async with gateway(tmp_path) as running:
        yield running
