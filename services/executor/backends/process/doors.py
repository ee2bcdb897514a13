"""Where the executor knocks to come into a run: its supervisor's control socket, which opens when it is called."""

import asyncio
import signal
from pathlib import Path
from typing import Protocol

from services.executor.backends.process import marks, programs
from services.executor.backends.process.supervisors import supervisor_of
from shared.contracts.errors import Conflict


class Doors(Protocol):
    """Of the runs of one backend."""

    def folder(self, run_id: str) -> Path:
        """Where the control socket is, once it is open."""

    def shell(self) -> str:
        """What a login starts."""

    async def check(self, run_id: str) -> None:
        """Raises Conflict when nobody can come in, or not any more."""

    async def call(self, run_id: str) -> None:
        """Ask the supervisor to open. Raises Conflict."""


class ProcessDoors:
    """Supervisors of this machine, by the files that begin with `<runs>/<run id>`."""

    def __init__(self, runs: str, boot_id: str) -> None:
        self._runs = runs
        self._boot_id = boot_id

    def folder(self, run_id: str) -> Path:
        return Path(f"{self._runs}/{run_id}{marks.WAYS}")

    def shell(self) -> str:
        return programs.own_shell()

    async def check(self, run_id: str) -> None:
        supervisor = await asyncio.to_thread(supervisor_of, f"{self._runs}/{run_id}", self._boot_id)
        if marks.CALLABLE not in supervisor.facts:
            raise Conflict(
                "The run was started by an older version of Jobyard, whose runs have no ways in. It runs on; from "
                "the job's next run on there are.",
                details={"code": "supervisor_too_old"},
            )

    async def call(self, run_id: str) -> None:
        supervisor = await asyncio.to_thread(supervisor_of, f"{self._runs}/{run_id}", self._boot_id)
        supervisor.send(signal.SIGUSR1)
