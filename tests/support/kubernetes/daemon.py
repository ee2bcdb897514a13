"""A server process of a test's cluster: its log, its end, and what it said when it did not come up."""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support.waiting import wait_until


class Daemon:
    """One process. `ready` says, asked again and again, whether it serves."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        log: Path,
        ready: Callable[[], object],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._arguments = [str(argument) for argument in arguments]
        self._log = log
        self._ready = ready
        self._environment = dict(environment) if environment is not None else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Raises RuntimeError when it does not run."""
        if self._process is None:
            raise RuntimeError(f"{self._arguments[0]} does not run")
        return self._process.pid

    def begin(self) -> None:
        """Start it, and do not wait."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Until it serves. Raises AssertionError with the end of its log when it ends, or does not."""
        process = self._process
        assert process is not None
        try:
            wait_until(lambda: process.poll() is not None or self._ready(), f"{self._arguments[0]} serves", within=120)
            assert process.poll() is None, f"{self._arguments[0]} has ended"
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._log.read_text(errors='replace')[-4000:]}") from None

    def start(self) -> None:
        self.begin()
        self.wait()

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to one that does not heed it."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self.kill()
        self._process = None

    def kill(self) -> None:
        """SIGKILL, in the middle of whatever it does."""
        if self._process is not None:
            os.kill(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
