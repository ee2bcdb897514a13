"""The rest of the platform as an executor meets it, for the tests on a real engine (`make test-docker`)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.backends import files_of
from tests.support.benches import opened_in_docker
from tests.support.docker_bench import DockerBench
from tests.support.executor_fixtures import nats, yard
from tests.support.registry_fixtures import registry, way

__all__ = ("nats", "registry", "way", "yard")

collect_ignore_glob = files_of("docker")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[DockerBench]:
    async with opened_in_docker(tmp_path) as bench:
        yield bench
