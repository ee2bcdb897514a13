"""The doors of runs in containers: called by a signal through the engine, found in the folder that both sides see."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from services.executor.backends.docker.engine import Engine
from services.executor.backends.docker.files import RunFiles
from services.executor.backends.process import marks
from services.executor.backends.process.supervisors import not_running
from shared.contracts.errors import Unavailable


class ContainerDoors:
    """`name`: of a run's container."""

    def __init__(self, engine: Engine, files: RunFiles, name: Callable[[str], str]) -> None:
        self._engine = engine
        self._files = files
        self._name = name

    def folder(self, run_id: str) -> Path:
        return Path(self._files.base(run_id) + marks.WAYS)

    def shell(self) -> str:
        """What every image with a shell has; a login looks for a better one (see `programs.login`)."""
        return "/bin/sh"

    async def check(self, run_id: str) -> None:
        seen = await asyncio.to_thread(self._files.read, run_id)
        if seen.start is None or not seen.start.get("pid") or seen.end is not None:
            raise not_running()

    async def call(self, run_id: str) -> None:
        try:
            there = await self._engine.signal(self._name(run_id), "SIGUSR1")
        except OSError as error:
            raise Unavailable("The Docker engine of the job's node does not answer. Try again.") from error
        if not there:
            raise not_running()
