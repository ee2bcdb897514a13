"""The rest of the platform as an executor meets it, for what its backends have in common; and both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import Database
from tests.support.executor_fixtures import nats, yard
from tests.support.mongo import mongo_url

__all__ = ("nats", "yard")


@pytest.fixture(scope="module")
def mongo() -> Iterator[str]:
    with mongo_url() as url:
        yield url


@pytest.fixture(params=["sqlite", "mongo"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    database = Database(tmp_path, request.getfixturevalue("mongo") if request.param == "mongo" else None)
    yield database
    database.drop()
