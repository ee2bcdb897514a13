"""For the tests of the executor: NATS, the platform as an executor meets it, an executor, and an API server."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.executor_fixtures import nats, yard
from tests.support.executor_service import ExecutorService
from tests.support.kubernetes.fixtures import api, between
from tests.support.nats import NatsServer

__all__ = ("api", "between", "nats", "yard")


@pytest.fixture
def executor(nats: NatsServer, tmp_path: Path) -> Iterator[ExecutorService]:
    with ExecutorService(nats.url, tmp_path / "data") as running:
        yield running
