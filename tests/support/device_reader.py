"""The executor's look at devices in a process of its own, since a driver's library stays loaded: in which they are
found when it starts, and read whenever a test asks.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from services.executor.devices.devices import find
from services.executor.devices.memory import Memory
from services.executor.domain.holder import Holder
from services.executor.settings import ExecutorSettings
from shared.clock import SystemClock
from tests.support.platform import CHECKOUT

Figures = tuple[str, int, float | None, int | None]
"""(kind, index, utilization, memory in bytes)."""


class DeviceReader:
    """One that runs."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        found = self._line()
        self.counts: dict[str, int] = found["counts"]
        self.lost: list[list[object]] = found["lost"]
        self.bindings: bool = found["bindings"]
        """Whether NVML's were imported."""

    def read(self, *holders: Holder) -> dict[str, list[Figures]]:
        """What each run uses, by its id."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([asdict(holder) for holder in holders]) + "\n")
        self._process.stdin.flush()
        return {run_id: [tuple(one) for one in found] for run_id, found in self._line().items()}

    def _line(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the reader has ended"
        return json.loads(line)


@contextmanager
def device_reader(
    environment: Mapping[str, str], folder: Path, gpu_within_s: float = 60, boot_id: str = "boot"
) -> Iterator[DeviceReader]:
    """With these variables; what it found before is in the folder. What it logs goes to the test's standard error."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("JOBYARD_")}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.device_reader", str(folder), boot_id, str(gpu_within_s)],
        cwd=CHECKOUT,
        env=clean | dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        try:
            yield DeviceReader(process)
            process.stdin.close()
            assert process.wait(60) == 0
        finally:
            process.kill()


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # the log's lines are no answers
    folder, boot_id, gpu_within_s = sys.argv[1:]
    memory = Memory(Path(folder) / "devices.json", boot_id)
    devices = find(ExecutorSettings(), SystemClock(), memory, float(gpu_within_s))
    equipment = devices.equipment
    found = {"counts": equipment.counts, "lost": sorted(equipment.lost), "bindings": "pynvml" in sys.modules}
    answers.write(json.dumps(found) + "\n")
    for line in sys.stdin:
        holders = [
            Holder(**(item | {"devices": tuple(item["devices"]), "pids": tuple(item["pids"])}))
            for item in json.loads(line)
        ]
        used = {
            run_id: [(one.kind, one.device, one.utilization, one.memory_bytes) for one in own]
            for run_id, own in devices.read(holders).items()
        }
        answers.write(json.dumps(used) + "\n")


if __name__ == "__main__":
    _serve()
