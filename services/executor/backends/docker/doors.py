"""The doors of runs in containers: called by a signal through the engine, found in the folder that both sides see."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

from services.executor.backends.docker.engine import Declined, Engine
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
        if not seen.begun or seen.end is not None or seen.refused is not None:
            raise not_running()

    async def call(self, run_id: str) -> None:
        try:
            there = await self._engine.signal(self._name(run_id), "SIGUSR1")
        except (OSError, Declined) as error:
            raise Unavailable("The Docker engine of the job's node does not answer. Try again.") from error
        if not there:
            raise not_running()

    async def give(self, run_id: str, terminal: int) -> None:
        """To whom the run's files were given."""
        if os.geteuid() == 0:
            own = await asyncio.to_thread(os.stat, self._files.base(run_id) + marks.RUN)
            os.fchown(terminal, own.st_uid, own.st_gid)
