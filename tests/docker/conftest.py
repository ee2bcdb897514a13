"""The rest of the platform as an executor meets it, for the tests on a real engine (`make test-docker`)."""

from tests.support.backends import files_of
from tests.support.executor_fixtures import nats, yard
from tests.support.registry_fixtures import registry, way

__all__ = ("nats", "registry", "way", "yard")

collect_ignore_glob = files_of("docker")
