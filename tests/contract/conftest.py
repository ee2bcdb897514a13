"""The rest of the platform as an executor meets it, for what its backends have in common."""

from tests.support.executor_fixtures import nats, yard

__all__ = ("nats", "yard")
