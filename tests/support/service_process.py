"""One service as a process of its own on one NATS server, to be killed and started again."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from tests.support.platform import CHECKOUT


class ServiceProcess:
    """`python -m services.<name>` on one NATS server and one data folder."""

    name: ClassVar[str]

    def __init__(self, nats_url: str, data: Path, **settings: object) -> None:
        """`settings`: further JOBYARD_... variables, by the rest of their names in lower case."""
        self.data = data
        self.output = data.with_suffix(".log")
        own = {"nats_url": nats_url, "data": data, "log_format": "json", **settings}
        clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
        self._environment = clean | {"PYTHONPATH": str(CHECKOUT)}
        self._environment |= {f"JOBYARD_{name.upper()}": str(value) for name, value in own.items()}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process; it answers a little later."""
        with self.output.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", f"services.{self.name}"], env=self._environment, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(60)

    def wait(self) -> int:
        """The exit code of a process that ends by itself."""
        assert self._process is not None
        return self._process.wait(60)

    def said(self, event: str) -> list[dict[str, Any]]:
        """What it has logged under this event, over all its starts."""
        lines = self.output.read_text(errors="replace").splitlines() if self.output.exists() else []
        return [json.loads(line) for line in lines if f'"event": "{event}"' in line]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None and self._process.poll() is None:
            self.stop()
