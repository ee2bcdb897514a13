"""A submission's paths: refused when they are too long, or leave their roots where the gateway can see the storage."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from services.gateway.domain.limits import PATH_BYTES, PATHS
from shared.contracts.errors import FieldError, Invalid
from shared.contracts.job import JobRequest
from shared.paths import PathOutside, Roots

NAME_BYTES = 255
"""The longest name that file systems take."""


class Paths:
    """Looks at the paths of submissions. On other machines than the storage's it leaves that to their executors.

    `in_use`: whether any node has its runs in images, and so apart from the platform's files; None: not known.
    """

    def __init__(
        self, storage: Path, allowed: tuple[Path, ...], data: Path, in_use: Callable[[], Awaitable[bool | None]]
    ) -> None:
        self._storage = storage
        self._roots = Roots(storage, allowed)
        self._apart = Roots(storage, allowed, kept_from=data)
        self._in_use = in_use
        self.roots = tuple(str(folder) for folder in allowed)
        """The folders beside the storage that jobs may use."""

    async def check(self, request: JobRequest) -> None:
        """Raises Invalid, whose errors name the fields."""
        given = [(field, path) for field in PATHS if (path := getattr(request, field)) is not None]
        if long := tuple(FieldError(field=field, message=why) for field, path in given if (why := _too_long(path))):
            raise Invalid(f"{long[0].field}: {long[0].message}.", long)
        errors = await asyncio.to_thread(self._errors, self._apart, given) if given else ()
        if errors and not await self._in_use():
            errors = await asyncio.to_thread(self._errors, self._roots, given)
        if errors:
            raise Invalid(" ".join(error.message for error in errors), errors)

    def _errors(self, roots: Roots, given: list[tuple[str, str]]) -> tuple[FieldError, ...]:
        """In a thread: a link may lead to a slow disk."""
        if not self._storage.is_dir():
            return ()
        found = []
        for field, path in given:
            try:
                roots.resolve(path)
            except PathOutside as outside:
                found.append(FieldError(field=field, message=str(outside)))
        return tuple(found)


def _too_long(path: str) -> str | None:
    """Why a path can not be used on any machine, by its length alone."""
    size, longest = len(path.encode()), max(len(name.encode()) for name in path.split("/"))
    if size > PATH_BYTES:
        return f"takes {size} bytes, above {PATH_BYTES}; use a shorter path"
    if longest > NAME_BYTES:
        return f"holds a name of {longest} bytes, above {NAME_BYTES}; use shorter names"
    return None
