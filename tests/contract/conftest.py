"""The rest of the platform as an executor meets it, for what its backends have in common; and both databases."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from shared.settings import PlatformSettings
from tests.support.executor_fixtures import nats, yard
from tests.support.mongo import mongo_url

__all__ = ("nats", "yard")


@pytest.fixture(scope="module")
def mongo() -> Iterator[str]:
    with mongo_url() as url:
        yield url


@pytest.fixture(params=["sqlite", "mongo"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> PlatformSettings:
    """What opens a store, on each database; every test has its own."""
    url = None
    if request.param == "mongo":
        server: str = request.getfixturevalue("mongo")
        url = SecretStr(server.replace("/?", f"/test_{uuid.uuid4().hex}?"))
    return PlatformSettings(data=tmp_path, mongo_url=url)
