"""A registry for all tests of a module, and a way to it on which a pull can be held."""

from collections.abc import Iterator

import pytest

from tests.support.held_way import HeldWay
from tests.support.registry import Registry, registry_in


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registry_in(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture(scope="module")
def way(registry: Registry) -> Iterator[HeldWay]:
    """By another port: so the engine takes it for another registry, which has the same images."""
    with HeldWay(registry.port) as way:
        yield way
