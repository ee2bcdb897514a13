"""A submission's paths: refused when they leave their roots, where the gateway can see the storage itself."""

from typing import Protocol

from shared.contracts.job import JobRequest
from shared.settings import PlatformSettings


class PathCheck(Protocol):
    """Looks at the paths of a submission."""

    async def check(self, request: JobRequest) -> None:
        """Raises Invalid, whose errors name the fields."""


class Unchecked:
    """The storage is on other machines: their executors refuse what leaves it."""

    async def check(self, request: JobRequest) -> None:
        """Nothing to see here."""


def path_check(settings: PlatformSettings) -> PathCheck:
    """The check that this installation can make."""
    return Unchecked()
