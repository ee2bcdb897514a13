"""A NATS server, the rest of the platform as an executor meets it, and an executor: for the tests of that service."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.executor_fixtures import nats, yard
from tests.support.executor_service import ExecutorService
from tests.support.nats import NatsServer

__all__ = ("nats", "yard")


@pytest.fixture
def executor(nats: NatsServer, tmp_path: Path) -> Iterator[ExecutorService]:
    with ExecutorService(nats.url, tmp_path / "data") as running:
        yield running
