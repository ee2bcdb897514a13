"""One TensorBoard as a process of the platform's own: it reads a folder, and ends with whoever started it.

It shows what somebody else's program wrote, so it has nothing of the platform's environment, but for where Python finds
what was installed with the platform.
"""

import asyncio
import os
import re
import site
from asyncio.subprocess import DEVNULL, PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from shared.contracts.errors import Conflict
from shared.parent import end_with_parent

START_S = 60.0
STOP_S = 3.0
_LISTENS = re.compile(rb"at http://127\.0\.0\.1:(\d+)/")


@dataclass
class Board:
    """It answers on a port of this machine's loopback."""

    port: int
    _process: Process
    _reading: asyncio.Task[None]

    @classmethod
    async def start(cls, python: str, folder: Path, home: Path, base: str) -> Self:
        """One of this folder, under this path; `home`: where it may write. Raises Conflict where none starts."""
        words = ("-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1", "--port", "0")
        process = await asyncio.create_subprocess_exec(
            python,
            *words,
            "--path_prefix",
            base,
            stdin=DEVNULL,
            stdout=DEVNULL,
            stderr=PIPE,
            cwd=home,
            env={"PATH": os.defpath, "HOME": str(home), "TMPDIR": str(home), "PYTHONUSERBASE": site.getuserbase()},
            preexec_fn=end_with_parent,
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(START_S):
                port = await _port_said(process.stderr)
        except BaseException:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            raise
        if port is None:
            await process.wait()
            raise Conflict("TensorBoard does not start here. An operator can install it: `pip install tensorboard`.")
        return cls(port, process, asyncio.ensure_future(_drain(process.stderr)))

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    async def end(self) -> None:
        """Ask it to, then make it."""
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        self._reading.cancel()


async def _port_said(output: asyncio.StreamReader) -> int | None:
    """Where it says that it listens; None if it ends instead."""
    async for line in output:
        found = _LISTENS.search(line)
        if found is not None:
            return int(found[1])
    return None


async def _drain(output: asyncio.StreamReader) -> None:
    while await output.read(65_536):
        pass
