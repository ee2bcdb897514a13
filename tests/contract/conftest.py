"""What the suites are run against: the backends of an executor, with the rest of the platform, and the databases."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.support.backends import BACKENDS
from tests.support.benches import opened
from tests.support.databases import Database
from tests.support.executor_backend import Bench
from tests.support.executor_fixtures import nats, yard
from tests.support.mongo import mongo_url

__all__ = ("nats", "yard")

collect_ignore = ["test_backend_homes.py"] if "process" in BACKENDS else []


@pytest.fixture(params=BACKENDS)
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    """An open backend. Another implementation is one more of them."""
    async with opened(request.param, tmp_path) as bench:
        yield bench


@pytest.fixture(scope="module")
def mongo() -> Iterator[str]:
    with mongo_url() as url:
        yield url


@pytest.fixture(params=["sqlite", "mongo"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path, request.getfixturevalue("mongo") if request.param == "mongo" else None)
    yield database
    database.drop()
