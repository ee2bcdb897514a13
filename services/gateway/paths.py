"""A submission's paths: refused when they leave their roots, where the gateway can see the storage itself."""

import asyncio
from pathlib import Path

from shared.contracts.errors import FieldError, Invalid
from shared.contracts.job import JobRequest
from shared.paths import PathOutside, Roots

FIELDS = ("data_path", "work_path", "job_path", "checkpoint_path")


class Paths:
    """Looks at the paths of submissions. On other machines than the storage's it leaves that to their executors."""

    def __init__(self, storage: Path, allowed: tuple[Path, ...]) -> None:
        self._storage = storage
        self._roots = Roots(storage, allowed)

    async def check(self, request: JobRequest) -> None:
        """Raises Invalid, whose errors name the fields."""
        given = [(field, path) for field in FIELDS if (path := getattr(request, field)) is not None]
        errors = await asyncio.to_thread(self._errors, given) if given else ()
        if errors:
            raise Invalid(" ".join(error.message for error in errors), errors)

    def _errors(self, given: list[tuple[str, str]]) -> tuple[FieldError, ...]:
        """In a thread: a link may lead to a slow disk."""
        if not self._storage.is_dir():
            return ()
        found = []
        for field, path in given:
            try:
                self._roots.resolve(path)
            except PathOutside as outside:
                found.append(FieldError(field=field, message=str(outside)))
        return tuple(found)
