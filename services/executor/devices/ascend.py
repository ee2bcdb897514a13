"""Huawei's NPUs, through `npu-smi`, which comes with their driver. It takes seconds, and may hang with a sick one."""

import os
import shutil
import signal
import subprocess
from collections.abc import Mapping

import structlog

from services.executor.domain import npu_smi
from services.executor.domain.device_types import npu_type
from services.executor.domain.equipment import Device
from services.executor.domain.figures import Figures

log = structlog.get_logger()

PLACES = ("/usr/local/bin", "/usr/local/sbin")
TIMEOUT_S = 10.0
"""A healthy one takes 1 to 3 s for eight devices."""


def installed() -> str | None:
    """Where `npu-smi` is, if this machine has it."""
    return shutil.which("npu-smi") or shutil.which("npu-smi", path=os.pathsep.join(PLACES))


class NpuSmi:
    """One `npu-smi`, and the chips that it told of."""

    def __init__(self, program: str, timeout_s: float = TIMEOUT_S) -> None:
        self._program = program
        self._timeout_s = timeout_s
        self._numbers: dict[npu_smi.Chip, int] = {}

    def find(self, named: Mapping[str, str]) -> tuple[Device, ...] | None:
        """All that can be used. None: the driver does not work; the log says why."""
        text = self._said("info", "-m")
        if text is None:
            return None
        chips = npu_smi.mapping(text)
        self._numbers = {chip.chip: chip.number for chip in chips}
        return tuple(
            Device(kind="npu", id="{}.{}".format(*chip.chip), number=chip.number, type=npu_type(chip.name, named))
            for chip in chips
        )

    def figures(self) -> dict[int, Figures] | None:
        """The use of each NPU, by its number. None: it was not told; the log says why."""
        text = self._said("info")
        if text is None:
            return None
        told = npu_smi.figures(text)
        return {number: told[chip] for chip, number in self._numbers.items() if chip in told}

    def _said(self, *arguments: str) -> str | None:
        """What it prints; None if it fails, or takes too long, which ends it and all that it has started."""
        try:
            process = subprocess.Popen(
                [self._program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            log.warning("npu_smi_failed", error=str(error))
            return None
        with process:
            try:
                output, _ = process.communicate(timeout=self._timeout_s)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                log.warning("npu_smi_hung", seconds=self._timeout_s)
                return None
        text = output.decode(errors="replace")
        if process.returncode != 0:
            log.warning("npu_smi_failed", code=process.returncode, said=text.strip()[:300])
            return None
        return text
